# Unit tests of the store floor.
unit_test(test_connection_store store)
unit_test(test_database store)
unit_test(test_database_crash store)
unit_test(test_notice_store store)
unit_test(test_project_store store)
unit_test(test_session_store store)
unit_test(test_session_rest store)
