# The programs that tools/bench runs in turn: ours, and the C and C++ peers as far as their libraries are here.

# The command line, once for both programs.
add_library(contender_main OBJECT EXCLUDE_FROM_ALL
  harness/contender_main.cpp venue/load_process.cpp venue/load_server.cpp venue/outage_server.cpp)
target_compile_definitions(contender_main PUBLIC HAVKLO_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared")
target_include_directories(contender_main PUBLIC ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(contender_main PUBLIC havklo_commands havklo_warnings simdjson::simdjson PkgConfig::libdeflate)
havklo_precompile(contender_main ${standard_headers})

function(add_contenders name)
  add_executable(${name} EXCLUDE_FROM_ALL ${ARGN})
  target_link_libraries(${name} PRIVATE contender_main build_stamp)
  if(HAVKLO_PCH)
    target_precompile_headers(${name} REUSE_FROM contender_main)
  endif()
endfunction()

file(GLOB contender_sources CONFIGURE_DEPENDS contenders/*.cpp)
add_contenders(contenders ${contender_sources})
if(BUILD_TESTING AND Python3_FOUND)
  add_test(NAME bench_harness COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/bench/harness_test.py)
endif()

# A peer is a file and what it needs; what is not here is left out, and tools/bench says so.
add_contenders(cpp_peers peers/cpp/books_straightforward.cpp peers/cpp/wire_floor.cpp)
function(peer needed source)
  if(${needed})
    target_sources(cpp_peers PRIVATE ${source})
    target_link_libraries(cpp_peers PRIVATE ${ARGN})
  endif()
endfunction()

find_package(OpenSSL 3.0 QUIET)
pkg_check_modules(libuv QUIET IMPORTED_TARGET libuv)
pkg_check_modules(libevent QUIET IMPORTED_TARGET libevent)
pkg_check_modules(libwebsockets QUIET IMPORTED_TARGET libwebsockets>=4.1)
find_package(Boost 1.74 QUIET)
find_path(READERWRITERQUEUE readerwriterqueue/readerwriterqueue.h)
set(BEAST_WITH_TLS FALSE)
if(Boost_FOUND AND OPENSSL_FOUND)
  set(BEAST_WITH_TLS TRUE)
endif()

peer(libuv_FOUND peers/cpp/timers_libuv.cpp PkgConfig::libuv)
peer(libevent_FOUND peers/cpp/timers_libevent.cpp PkgConfig::libevent)
peer(Boost_FOUND peers/cpp/timers_asio.cpp Boost::headers)
peer(Boost_FOUND peers/cpp/rings_boost.cpp Boost::headers)
peer(Boost_FOUND peers/cpp/frames_beast.cpp Boost::headers)
peer(BEAST_WITH_TLS peers/cpp/wire_beast.cpp OpenSSL::SSL OpenSSL::Crypto)
peer(BEAST_WITH_TLS peers/cpp/outage_beast.cpp OpenSSL::SSL OpenSSL::Crypto)
peer(BEAST_WITH_TLS peers/cpp/record_events_beast.cpp OpenSSL::SSL OpenSSL::Crypto)
peer(libwebsockets_FOUND peers/cpp/wire_libwebsockets.cpp PkgConfig::libwebsockets)
peer(OPENSSL_FOUND peers/cpp/records_openssl.cpp OpenSSL::SSL OpenSSL::Crypto)
peer(OPENSSL_FOUND peers/cpp/openssl_client.cpp OpenSSL::SSL)
peer(READERWRITERQUEUE peers/cpp/rings_moodycamel.cpp)
if(READERWRITERQUEUE)
  # Its headers do not say their version; Debian does.
  execute_process(COMMAND dpkg-query -W -f=\${Version} libreaderwriterqueue-dev
    OUTPUT_VARIABLE readerwriterqueue_version ERROR_QUIET)
  set_source_files_properties(peers/cpp/rings_moodycamel.cpp PROPERTIES
    COMPILE_DEFINITIONS HAVKLO_READERWRITERQUEUE_VERSION="${readerwriterqueue_version}")
endif()
