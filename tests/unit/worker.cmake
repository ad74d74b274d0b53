# Unit tests of the worker programs.
