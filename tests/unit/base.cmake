# Unit tests of the base floor.
