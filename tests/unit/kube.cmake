# Unit tests of the kube floor.
unit_test(test_kube_watch kube)
