# Unit tests of the worker programs.
unit_test(test_agent worker)
unit_test(test_git_commit worker)
unit_test(test_git_job worker)
unit_test(test_repository worker)
unit_test(test_sandbox worker)
unit_test(test_session_status worker)
unit_test(test_sideband worker)
unit_test(test_workspace worker)
