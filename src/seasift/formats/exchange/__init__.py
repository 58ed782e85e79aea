"""What other tools read and write; one module a format, `registry` lists them."""
