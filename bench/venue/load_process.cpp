// The server says where it listens and whom to trust in one line of JSON on its stdout.
#include "bench/venue/load_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <simdjson.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

namespace havklo::bench {
namespace {

const char* name_of(Load::Kind kind) {
  switch (kind) {
    case Load::Kind::rate:
      return "rate";
    case Load::Kind::flood_text:
      return "text";
    case Load::Kind::flood_books:
      return "books";
  }
  return "";
}

// All of it: the server closes its stdout behind the line.
std::string read_to_end(int file) {
  std::string all;
  std::array<char, 4'096> part{};
  for (ssize_t size = 0; (size = ::read(file, part.data(), part.size())) > 0;) {
    all.append(part.data(), static_cast<size_t>(size));
  }
  return all;
}

}  // namespace

std::expected<LoadProcess, std::string> LoadProcess::start(const Load& load,
                                                           std::optional<uint32_t> cpu) {
  std::vector<std::string> words{"load server", "serve", name_of(load.kind),
                                 std::to_string(load.messages), std::to_string(load.per_second)};
  if (cpu) words.push_back(std::to_string(*cpu));
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  std::array<int, 2> said{};
  if (::pipe2(said.data(), O_CLOEXEC) != 0) return std::unexpected(std::strerror(errno));
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, said[1], STDOUT_FILENO);
  pid_t process = -1;
  const int error =
      ::posix_spawn(&process, "/proc/self/exe", &files, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::close(said[1]);
  const std::string line = read_to_end(said[0]);
  ::close(said[0]);
  if (error != 0) return std::unexpected(std::string("load server: ") + std::strerror(error));

  LoadProcess started(process);
  simdjson::dom::parser parser;
  simdjson::dom::element told;
  std::string_view ca_pem;
  uint64_t port = 0;
  if (parser.parse(line).get(told) != simdjson::SUCCESS ||
      told["port"].get(port) != simdjson::SUCCESS || told["ca"].get(ca_pem) != simdjson::SUCCESS) {
    return std::unexpected("the load server did not start");
  }
  started.port_ = static_cast<uint16_t>(port);
  started.ca_pem_ = ca_pem;
  return started;
}

LoadProcess::~LoadProcess() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

}  // namespace havklo::bench
