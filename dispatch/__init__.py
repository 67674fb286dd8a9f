"""Episodes and routine work to orders, routes and plans; the life of an order."""
