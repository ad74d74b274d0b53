# Hardening of release builds (OpenSSF compiler options guide, for gcc 12 and clang 14).
add_library(acp_hardening INTERFACE)
option(ACP_HARDEN "full hardening" OFF)
if(ACP_HARDEN)
  target_compile_options(acp_hardening INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
    -ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -fPIE)
  target_link_options(acp_hardening INTERFACE
    -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(acp_hardening INTERFACE -fzero-call-used-regs=used-gpr)
  else()
    target_compile_options(acp_hardening INTERFACE -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)
  endif()
endif()

option(ACP_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
if(ACP_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
option(ACP_COVERAGE "gcov counters" OFF)
if(ACP_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
