# The warning set of every target of ours; each exception has its reason beside it.
add_library(acp_warnings INTERFACE)
target_compile_options(acp_warnings INTERFACE
  -Wall -Wextra -Wformat=2 -Wshadow -Wconversion -Wcast-qual -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wundef -Wvla -Wimplicit-fallthrough -Wdouble-promotion -Wnull-dereference
  -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion -Werror=format-security -Werror=return-type
  -Wno-sign-conversion            # libcurl's and jansson's mixed signedness would bury the real findings
  -Wno-missing-field-initializers # {0} and designated initialisers are the idiom here
)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(acp_warnings INTERFACE -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wtrampolines -Wbidi-chars=any
    -Wno-null-dereference         # gcc 12 reports it through inlined sodium and jansson code; clang and the analyzer cover it
  )
else()
  target_compile_options(acp_warnings INTERFACE
    -Wno-gnu-statement-expression -Wno-implicit-int-float-conversion)
endif()
option(ACP_WERROR "warnings are errors" OFF)
if(ACP_WERROR)
  target_compile_options(acp_warnings INTERFACE -Werror)
endif()
