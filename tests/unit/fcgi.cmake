# Unit tests of the fcgi programs.
