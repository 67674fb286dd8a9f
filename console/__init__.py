"""What operators and other programs see and do: pages and the REST API."""
