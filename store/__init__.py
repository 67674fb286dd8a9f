"""The schema, the migrations and every SQL statement, as files; connections."""
