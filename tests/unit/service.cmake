# Unit tests of the service floor.
