# Unit tests of the vault floor.
unit_test(test_keyring vault)
unit_test(test_seal vault)
unit_test(test_record vault)
