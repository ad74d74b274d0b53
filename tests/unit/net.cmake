# Unit tests of the net floor.
