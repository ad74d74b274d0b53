# The Debian package: `cpack -G DEB` in the folder of a release build. Everything that is installed is listed here.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME acp-gitlab)
set(share share/acp-gitlab)
# Whom users of the package write to: who builds it for others says so.
set(ACP_PACKAGE_CONTACT "the authors of acp-gitlab <acp-gitlab@localhost>" CACHE STRING "Name and address of the package's maintainer")

install(TARGETS acp-gitlab acp-gitlab-fcgi acp-git-worker RUNTIME DESTINATION bin)
install(DIRECTORY nginx/html/ DESTINATION ${share}/html)
# The server configuration of nginx/, for sockets under /run/acp-gitlab. The number fits the threads of pool status in deploy/systemd.
install(CODE "
  set(to \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${share}/nginx\")
  file(MAKE_DIRECTORY \"\${to}\")
  execute_process(COMMAND \"${CMAKE_SOURCE_DIR}/nginx/render\" \"\${to}\" RUN=/run/acp-gitlab \"KEEPALIVE=keepalive 8;\" KEEP_CONN=on
    \"CONF=\${CMAKE_INSTALL_PREFIX}/${share}/nginx\" COMMAND_ERROR_IS_FATAL ANY)")
install(DIRECTORY simulator/ DESTINATION ${share}/simulator USE_SOURCE_PERMISSIONS PATTERN __pycache__ EXCLUDE)

install(DIRECTORY deploy/systemd/ DESTINATION lib/systemd/system
  FILES_MATCHING PATTERN *.service PATTERN *.socket PATTERN *.target PATTERN *.path PATTERN *.d/*.conf)
install(FILES deploy/systemd/acp-gitlab.sysusers DESTINATION lib/sysusers.d RENAME acp-gitlab.conf)
install(FILES deploy/systemd/acp-gitlab.tmpfiles DESTINATION lib/tmpfiles.d RENAME acp-gitlab.conf)
install(PROGRAMS deploy/by-hand DESTINATION lib/acp-gitlab)
install(FILES deploy/deb/acp-gitlab.conf DESTINATION /etc/acp-gitlab)
install(FILES deploy/deb/nginx-site DESTINATION /etc/nginx/sites-available RENAME acp-gitlab)
install(FILES deploy/README.md deploy/deb/copyright DESTINATION share/doc/acp-gitlab)
# The guides, and the alerts whose runbook is one of them.
install(DIRECTORY docs/ DESTINATION share/doc/acp-gitlab/docs FILES_MATCHING PATTERN *.md PATTERN images EXCLUDE PATTERN man EXCLUDE)
install(FILES deploy/prometheus/acp-gitlab.rules.yaml DESTINATION ${share}/prometheus)
install(FILES deploy/deb/lintian-overrides DESTINATION share/lintian/overrides RENAME acp-gitlab)

# As Debian wants its documents, which the floors above install as they are.
install(CODE "
  set(share \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share\")
  file(GLOB_RECURSE pages \"\${share}/man/*.[1-8]\")
  configure_file(\"${CMAKE_SOURCE_DIR}/CHANGELOG.md\" \"\${share}/doc/acp-gitlab/NEWS.md\" COPYONLY)
  file(TIMESTAMP \"${CMAKE_SOURCE_DIR}/CHANGELOG.md\" ACP_CHANGED \"%a, %d %b %Y %H:%M:%S +0000\" UTC)
  set(PROJECT_VERSION ${PROJECT_VERSION})
  set(ACP_PACKAGE_CONTACT \"${ACP_PACKAGE_CONTACT}\")
  configure_file(\"${CMAKE_SOURCE_DIR}/deploy/deb/changelog.in\" \"\${share}/doc/acp-gitlab/changelog\" @ONLY)
  execute_process(COMMAND gzip -9nf \${pages} \"\${share}/doc/acp-gitlab/NEWS.md\" \"\${share}/doc/acp-gitlab/changelog\" COMMAND_ERROR_IS_FATAL ANY)")

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON) # there are files in /etc
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "${ACP_PACKAGE_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "connects users of the Ambient Code Platform to GitLab")
set(CPACK_PACKAGE_DESCRIPTION "A FastCGI service behind nginx that keeps users' GitLab and GitHub tokens
sealed, checks repositories, and lets agentic sessions clone, commit and push
with their owner's rights through a git gate.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "nginx-light | nginx, git, ca-certificates, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "curl")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3, openssl")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/deploy/deb/postinst ${CMAKE_SOURCE_DIR}/deploy/deb/prerm
  ${CMAKE_SOURCE_DIR}/deploy/deb/postrm ${CMAKE_SOURCE_DIR}/deploy/deb/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
