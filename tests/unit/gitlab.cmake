# Unit tests of the gitlab floor.
