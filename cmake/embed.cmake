# embed_migrations(<output.c>): migrations/NNNN_name.sql as a C table of {version, name, sql, checksum}, in order of their numbers.
function(embed_migrations output)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/migrations/[0-9][0-9][0-9][0-9]_*.sql)
  list(SORT files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(rows "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    string(REGEX MATCH "^[0-9]+" number ${name})
    math(EXPR version "1${number} - 10000")
    file(SHA256 ${file} checksum)
    file(READ ${file} sql)
    string(REPLACE "\\" "\\\\" sql "${sql}")
    string(REPLACE "\"" "\\\"" sql "${sql}")
    string(REPLACE "\n" "\\n\"\n\t \"" sql "${sql}")
    string(APPEND rows "\t{${version}, \"${name}\",\n\t \"${sql}\",\n\t \"${checksum}\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} CONTENT
"/* Made from migrations/ by cmake/embed.cmake. */
#include \"migrations.h\"

const struct migration migrations[] = {
@rows@};
const unsigned migration_count = sizeof(migrations) / sizeof(migrations[0]);
" @ONLY)
endfunction()

# embed_file(<file> <symbol> <header> <output.c>): a file's bytes as `const char <symbol>[]` and `const size_t <symbol>_length`.
function(embed_file file symbol header output)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n\t" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  file(CONFIGURE OUTPUT ${output} CONTENT
"/* Made from ${file} by cmake/embed.cmake. */
#include \"${header}\"

const char ${symbol}[] = {
	${bytes}
};
const size_t ${symbol}_length = sizeof(${symbol});
")
endfunction()
