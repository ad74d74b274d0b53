# Unit tests of the gitlab floor; http_peer is made in net.cmake.
unit_test(test_gitlab_errors gitlab)
unit_test(test_gitlab_git_errors gitlab)
unit_test(test_gitlab_account gitlab)
unit_test(test_gitlab_project gitlab http_peer)
unit_test(test_gitlab_branch gitlab http_peer)
unit_test(test_gitlab_browse gitlab http_peer)
unit_test(test_gitlab_ref gitlab http_peer)
unit_test(test_gitlab_run gitlab http_peer)
