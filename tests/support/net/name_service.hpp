// A name server at port 53 of a sandbox, in a process of its own: prompt, late or silent as it is
// told.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "support/net/name_server.hpp"
#include "support/net/sandbox.hpp"

namespace havklo {

class NameService {
 public:
  enum Manner : char { prompt = 'p', late = 'l', silent = 's' };

  // It knows this name alone, at 127.0.0.1.
  NameService(const Sandbox& sandbox, const std::string& name) {
    std::array<int, 2> words{-1, -1};
    std::array<int, 2> answers{-1, -1};
    EXPECT_EQ(::pipe2(words.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(answers.data(), O_CLOEXEC), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      sandbox.enter();
      serve(name, words[0], answers[1]);
    }
    ::close(words[0]);
    ::close(answers[1]);
    words_ = words[1];
    answers_ = answers[0];
    be(prompt);
  }
  ~NameService() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    ::close(words_);
    ::close(answers_);
  }
  NameService(const NameService&) = delete;
  NameService& operator=(const NameService&) = delete;

  // From here on.
  void be(Manner manner) const {
    const char word = manner;
    char heard = 0;
    EXPECT_EQ(::write(words_, &word, 1), 1);
    EXPECT_EQ(::read(answers_, &heard, 1), 1);
  }

 private:
  [[noreturn]] static void serve(const std::string& name, int words, int answers) {
    constexpr uint16_t dns_port = 53;
    constexpr int late_ms = 400;
    NameServer server(dns_port);
    server.answers(name, {"127.0.0.1"}, {});
    char manner = prompt;
    size_t asked = 0;
    for (;;) {
      pollfd waits{.fd = words, .events = POLLIN, .revents = 0};
      if (::poll(&waits, 1, manner == late ? late_ms : 0) == 1) {
        if (::read(words, &manner, 1) != 1) ::_exit(0);
        server.silent = manner == silent ? NameServer::Silent::always : NameServer::Silent::never;
        if (::write(answers, &manner, 1) != 1) ::_exit(0);
      }
      do {
        asked = server.asked.size();
        server.step();
      } while (server.asked.size() != asked);  // all that was asked meanwhile
    }
  }

  pid_t child_ = -1;
  int words_ = -1;
  int answers_ = -1;
};

}  // namespace havklo
