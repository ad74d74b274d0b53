# Unit tests of the model floor.
