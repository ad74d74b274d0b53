# floor(<name> SOURCES … HEADERS … ON <lower floors…> LIBRARIES <pkg-config targets…> PRIVATE_LIBRARIES …)
#
# One floor of the house: a static library whose headers are a FILE_SET. It sees only the headers of the floors it stands ON, so that
# an include that climbs does not compile.
function(floor name)
  cmake_parse_arguments(F "" "" "SOURCES;HEADERS;ON;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  add_library(${name} STATIC ${F_SOURCES})
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR} FILES ${F_HEADERS})
  target_link_libraries(${name} PUBLIC ${F_ON} ${F_LIBRARIES} PRIVATE ${F_PRIVATE_LIBRARIES} acp_warnings)
  target_link_libraries(${name} PUBLIC acp_hardening)
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# program(<name> SOURCES … ON <floors…> LIBRARIES …): a program of the top floor.
function(program name)
  cmake_parse_arguments(P "" "" "SOURCES;ON;LIBRARIES" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  target_link_libraries(${name} PRIVATE ${P_ON} ${P_LIBRARIES} acp_warnings acp_hardening)
endfunction()
