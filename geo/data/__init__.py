"""District folders that are shipped, and the programs that drew them."""
