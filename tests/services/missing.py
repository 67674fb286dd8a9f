"""How a machine says that it cannot have a service."""


class ServiceMissing(RuntimeError):
    """A service cannot be had on this machine; the message says why and what to do."""
