// A load server in a process of its own, on the other core: what it does to its memory does not
// touch its client's pages and allocator. Clients in other languages start the same one.
//
// Owns:    the process. It ends with this object, and with this program.
// Threads: one.
// Errors:  one line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "bench/venue/load_server.hpp"

namespace havklo::bench {

class LoadProcess {
 public:
  // Runs this program again, as `serve`; without a CPU it runs anywhere.
  [[nodiscard]] static std::expected<LoadProcess, std::string> start(const Load& load,
                                                                     std::optional<uint32_t> cpu);
  LoadProcess(LoadProcess&& other) noexcept
      : process_(std::exchange(other.process_, -1)),
        port_(other.port_),
        ca_pem_(std::move(other.ca_pem_)) {}
  LoadProcess& operator=(LoadProcess&&) = delete;
  ~LoadProcess();

  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }

 private:
  explicit LoadProcess(pid_t process) : process_(process) {}

  pid_t process_;
  uint16_t port_ = 0;
  std::string ca_pem_;
};

}  // namespace havklo::bench
