# Unit tests of the gitlab floor; http_peer is made in net.cmake.
unit_test(test_gitlab_errors gitlab)
unit_test(test_gitlab_git_errors gitlab)
unit_test(test_gitlab_account gitlab)
unit_test(test_gitlab_project gitlab http_peer)
