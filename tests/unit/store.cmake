# Unit tests of the store floor.
