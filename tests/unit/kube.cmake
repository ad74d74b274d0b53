# Unit tests of the kube floor.
unit_test(test_kube_watch kube)
unit_test(test_kube_config kube)
unit_test(test_kube_client kube http_peer)
unit_test(test_kube_list kube http_peer)
unit_test(test_kube_secret_name kube)
unit_test(test_kube_turns kube)
