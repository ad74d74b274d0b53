# Unit tests of the command line.
unit_test(test_exit_code cli_rooms)
unit_test(test_report cli_rooms)
unit_test(test_terminal cli_rooms)
unit_test(test_legacy cli_rooms)
