// Starting a thread is a request that the system may refuse.
#pragma once

#include <expected>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace havklo::io {

// A thread in `run`, or one line that says why there is none.
template <class Run>
[[nodiscard]] std::expected<std::thread, std::string> start_thread(Run run) {
  try {
    return std::thread(std::move(run));
  } catch (const std::system_error& error) {
    // EAGAIN: of a limit on either; nobody says which.
    return std::unexpected("cannot start a thread: " + error.code().message() +
                           "; raise the limit of processes (ulimit -u, or pids of the container) "
                           "or of memory (ulimit -v)");
  }
}

}  // namespace havklo::io
