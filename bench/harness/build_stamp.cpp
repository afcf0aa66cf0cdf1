// What was compiled in, and whether it is fit to be measured.
#include <sys/utsname.h>

#include <fstream>

#include "bench/harness/contender.hpp"
#include "io/library_versions.hpp"
#include "io/tls/stream.hpp"
#include "kraken/json_kernel.hpp"

namespace havklo::bench {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string quoted(const char* name, const std::string& value) {
  std::string out = std::string("\"") + name + "\":\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string reason_to_refuse() {
#if !defined(__OPTIMIZE__) || !defined(NDEBUG)
  return "this is a debug build: measure the release preset";
#else
  if (std::string(HAVKLO_BENCH_FLAGS).find("-fsanitize") != std::string::npos) {
    return "this build is under a sanitizer: measure the release preset";
  }
  if (!io::tls_has_assembly()) return "wolfSSL without AES-NI: run tools/setup";
  if (!io::opens_records()) return io::record_opener_text() + "; run tools/setup";
  if (kraken::json_kernel() == "fallback" || kraken::json_index_kernel() == "fallback") {
    return "simdjson on its fallback kernel: build with -mpclmul";
  }
  return "";
#endif
}

std::string build_flags() { return HAVKLO_BENCH_FLAGS; }

std::string build_stamp(const std::string& messages) {
  utsname kernel{};
  uname(&kernel);
  return "{" + quoted("cpu", cpu_model()) + "," + quoted("kernel", kernel.release) + "," +
         quoted("compiler", "g++ " __VERSION__) + "," + quoted("flags", build_flags()) + "," +
         quoted("tls", io::tls_library_text()) + "," +
         quoted("simdjson", kraken::json_library_version() + ", kernel " + kraken::json_kernel() +
                                ", index " + kraken::json_index_kernel()) +
         "," + quoted("io_uring", io::ring_library_text()) + "," + quoted("messages", messages) +
         "}";
}

}  // namespace havklo::bench
