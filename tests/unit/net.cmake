# Unit tests of the net floor. The peer they talk to is a real server on 127.0.0.1.
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET libssl libcrypto)
add_library(http_peer STATIC ${CMAKE_CURRENT_LIST_DIR}/../fakes/http_peer.c ${CMAKE_CURRENT_LIST_DIR}/../fakes/http_peer_tls.c)
target_include_directories(http_peer PUBLIC ${CMAKE_CURRENT_LIST_DIR}/../fakes)
target_link_libraries(http_peer PUBLIC base PkgConfig::OPENSSL Threads::Threads PRIVATE acp_warnings)

unit_test(test_http_head net)
unit_test(test_http_breaker net)
unit_test(test_http_client net http_peer)
unit_test(test_http_headers net http_peer)
unit_test(test_http_stream net http_peer)
unit_test(test_http_memory net http_peer)
unit_test(test_http_trust net http_peer)
unit_test(test_http_proxy net http_peer)
