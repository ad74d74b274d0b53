# Unit tests of the vault floor.
