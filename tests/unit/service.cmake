# Unit tests of the service floor; http_peer is made in net.cmake. Sessions are kept in a real database, accounts in a store of memory.
add_library(memory_store STATIC ${CMAKE_CURRENT_LIST_DIR}/../fakes/memory_store.c)
target_include_directories(memory_store PUBLIC ${CMAKE_CURRENT_LIST_DIR}/../fakes)
target_link_libraries(memory_store PUBLIC store PRIVATE acp_warnings)

unit_test(test_account_service service memory_store http_peer)
unit_test(test_credential service memory_store http_peer)
unit_test(test_check service memory_store http_peer)
unit_test(test_check_list service)
unit_test(test_gate_service service memory_store http_peer)
unit_test(test_gate_merge_request service memory_store http_peer)
unit_test(test_session_repositories service memory_store http_peer)
unit_test(test_identity service)
unit_test(test_installation_service service memory_store http_peer)
target_link_libraries(test_installation_service PRIVATE PkgConfig::OPENSSL) # makes a key
unit_test(test_outcome_pace service)
unit_test(test_project_document service)
unit_test(test_project_service service memory_store http_peer)
unit_test(test_session_service service)
