"""`python -m seasift` is `seasift`."""

from seasift.cli.main import main

main()
