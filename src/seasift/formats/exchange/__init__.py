"""Exchange formats of other tools, one module each; `registry` lists them."""
