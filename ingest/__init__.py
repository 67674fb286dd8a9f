"""Messages and adapters: from the broker to validated records in the store, without loss."""
