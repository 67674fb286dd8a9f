"""A physical world and its devices, which know the platform only through the contract."""
