"""What other tools read and write, one file each. Everything goes through `document`."""
