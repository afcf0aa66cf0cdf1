// The whole of it, as a user runs it: `havklo run` and `havklo exchange` in processes of their own,
// TLS on loopback between them, and a recording. A test breaks something outside, says what must
// be told and how soon, mends it; then all must be well again, to the last event.
//
// Owns:    both processes, and a folder with the recording.
// Use:     start(); venue().signal(SIGKILL); must_say("Disconnected", "reason", {"peer_reset"}); …
//          expect_restored(); expect_good_end();
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "faults/failing_calls.hpp"
#include "faults/program.hpp"
#include "io/tls/certificate_authority.hpp"
#include "support/net/sandbox.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {

// What carries the bytes. Where the system forbids io_uring, it is sockets, and a thread writes
// the recording.
enum class Carrier : uint8_t { uring, sockets, forbidden_uring };
inline std::ostream& operator<<(std::ostream& out, Carrier carrier) {
  switch (carrier) {
    case Carrier::uring:
      return out << "Uring";
    case Carrier::sockets:
      return out << "Sockets";
    case Carrier::forbidden_uring:
      break;
  }
  return out << "ForbiddenUring";
}

// The text of a field of an event's line; "": it has none.
inline std::string field_of(std::string_view line, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return "";
  std::string_view value = line.substr(at + key.size());
  if (value.starts_with('"')) return std::string(value.substr(1, value.find('"', 1) - 1));
  return std::string(value.substr(0, value.find_first_of(",}")));
}

class RealLoop : public testing::TestWithParam<Carrier> {
 protected:
  static constexpr const char* heartbeat_timeout = "1s";
  static constexpr int nap_ms = 20;

  // Both programs, inside the sandbox where there is one, until the all clear.
  void start(const std::vector<std::string>& more = {}, const std::string& settings = {}) {
    start_venue();
    start_engine(more, settings);
    expect_restored();
  }
  // Again at the port that it had.
  void start_venue() {
    scenario_.write(venue_scenario_);
    venue_ = std::make_unique<Program>([this] { enter(); });
    std::vector<std::string> words = {"exchange",
                                      "--listen",
                                      "127.0.0.1:" + std::to_string(port_),
                                      "--quiet",
                                      "--format",
                                      "jsonl",
                                      "--tls-cert",
                                      certificate_.path(),
                                      "--scenario",
                                      scenario_.path(),
                                      "--rate",
                                      venue_rate_,
                                      "--tls-key",
                                      key_.path()};
    venue_->run(words);
    ASSERT_TRUE(venue_->read_until("/v2")) << venue_->errors();
    const std::string url = field_of(venue_->said(), "detail");
    port_ = std::atoi(url.substr(url.rfind(':') + 1).c_str());
  }
  void start_engine(const std::vector<std::string>& more = {}, const std::string& settings = {}) {
    settings_.write(R"([reconnect]
initial_delay = "20ms"
max_delay = "300ms"
stable_after = "100ms"
connect_budget = 1000
[circuit_breaker]
reset_timeout = "300ms"
half_open_timeout = "5s"
[timeouts]
connect_timeout = "1s"
greeting_timeout = "1s"
restore_timeout = "1s"
heartbeat_timeout = ")" +
                    std::string(heartbeat_timeout) + "\"\n[engine]\nidle = \"park\"\n" + settings);
    engine_ = std::make_unique<Program>([this] {
      enter();
      if (before_engine_) before_engine_();
      if (GetParam() != Carrier::forbidden_uring) return;
      filter_this_thread({__NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register},
                         SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ALLOW);
    });
    std::vector<std::string> words = {"run", "--config", settings_.path(), "--format", "jsonl"};
    const std::string at = host_ + ":" + std::to_string(relayed_port_ ? *relayed_port_ : port_);
    for (const std::string& each :
         {std::string("--url"), "wss://" + at + "/v2", std::string("--ca-file"), ca_.path(),
          std::string("--symbol"), std::string("BTC/USD"), std::string("--symbol"),
          std::string("ETH/USD"), std::string("--record"), recording_}) {
      words.push_back(each);
    }
    if (GetParam() != Carrier::forbidden_uring) {
      words.emplace_back("--network");
      words.emplace_back(GetParam() == Carrier::uring ? "io_uring" : "sockets");
    }
    words.insert(words.end(), more.begin(), more.end());
    engine_->run(words);
  }

  // The next line of this event, which one of `values` stands in; it is skipped to. Nothing: it
  // was not said in time.
  std::optional<std::string> next(std::string_view event, std::string_view field = {},
                                  const std::vector<std::string>& values = {}) {
    const std::string name = "\"event\":\"" + std::string(event) + "\"";
    const int patience = HasFailure() ? nap_ms : patience_ms;  // the first failure tells enough
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience);
    for (;;) {
      const std::string& said = engine_->said();
      for (size_t end = said.find('\n', read_); end != std::string::npos;
           end = said.find('\n', read_)) {
        const std::string_view line = std::string_view(said).substr(read_, end - read_);
        read_ = end + 1;
        if (line.find(name) == std::string_view::npos) continue;
        if (values.empty() || std::ranges::count(values, field_of(line, field)) != 0) {
          return std::string(line);
        }
      }
      if (std::chrono::steady_clock::now() > until) return std::nullopt;
      if (!engine_->read_more(patience)) return std::nullopt;
    }
  }
  std::string must_say(std::string_view event, std::string_view field = {},
                       const std::vector<std::string>& values = {}) {
    const auto line = next(event, field, values);
    EXPECT_TRUE(line) << "never said: " << event << " " << (values.empty() ? "" : values[0]) << "\n"
                      << engine_->errors() << engine_->last_line();
    return line.value_or("");
  }
  [[nodiscard]] size_t read_so_far() const { return read_; }
  void read_again_from(size_t place) { read_ = place; }
  // The all clear, and a book that moves on after it.
  void expect_restored() {
    must_say("SubscriptionsRestored");
    must_say("BookUpdate");
  }
  // Reads what the engine says meanwhile.
  void let_pass(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) static_cast<void>(engine_->read_more(nap_ms));
  }

  // Stopped by its user: no event is missing that was not reported, the last is Closed, and the
  // recording runs through the engine again to the same events.
  void expect_good_end(int exit_code = exit_good) {
    engine_->signal(SIGTERM);
    engine_->read_all();
    EXPECT_EQ(engine_->end(), exit_code) << engine_->errors();
    EXPECT_EQ(field_of(engine_->last_line(), "event"), "Closed") << engine_->last_line();
    expect_no_hole();
    expect_whole_recording();
  }
  void expect_no_hole() const {
    uint64_t next = 0;
    const std::string& said = engine_->said();
    size_t begin = 0;
    for (size_t end = 0; (end = said.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string_view line = std::string_view(said).substr(begin, end - begin);
      const auto number = [&](const char* name) {
        return std::strtoull(field_of(line, name).c_str(), nullptr, 10);
      };
      if (field_of(line, "event") == "Overrun") {
        EXPECT_EQ(number("first"), next) << line;
        next = number("last") + 1;
        EXPECT_EQ(number("seq"), next) << line;
      }
      if (begin != 0 && number("seq") != next) FAIL() << next << " is missing before " << line;
      next = number("seq") + 1;
    }
    EXPECT_GT(next, 20u);
  }
  void expect_whole_recording() {
    Program replay([this] { enter(); });
    replay.run({"replay", recording_, "--verify"});
    replay.read_all();
    EXPECT_EQ(replay.end(), exit_good) << replay.errors();
    EXPECT_NE(replay.said().find("identical"), std::string::npos) << replay.said();
  }
  // It ended before the session did, for the reason that `words` say: what it holds is good.
  void expect_torn_recording(const std::string& words) {
    Program replay([this] { enter(); });
    replay.run({"replay", recording_, "--verify"});
    replay.read_all();
    EXPECT_EQ(replay.end(), exit_failed);
    EXPECT_NE(replay.errors().find(words), std::string::npos) << replay.errors();
    EXPECT_NE(replay.errors().find("whole turns before it are good"), std::string::npos);
  }

  void enter() const {
    if (sandbox_) sandbox_->enter();
  }
  [[nodiscard]] Program& venue() { return *venue_; }
  [[nodiscard]] Program& engine() { return *engine_; }
  // So many descriptors may be open from now on, and then as many as before.
  void limit(int resource, rlim_t soft) {
    rlimit now{};
    ASSERT_EQ(
        ::prlimit(engine_->process(), static_cast<__rlimit_resource>(resource), nullptr, &now), 0);
    if (!before_limit_) before_limit_ = now;
    now.rlim_cur = soft;
    ASSERT_EQ(
        ::prlimit(engine_->process(), static_cast<__rlimit_resource>(resource), &now, nullptr), 0);
  }
  void lift_limit(int resource) { limit(resource, before_limit_->rlim_cur); }

  std::unique_ptr<Sandbox> sandbox_;
  std::function<void()> before_engine_;
  std::string venue_rate_ = "20";
  std::string venue_scenario_;
  std::string host_ = "127.0.0.1";
  int port_ = 0;
  std::optional<int> relayed_port_;
  TemporaryFolder folder_;
  std::string recording_ = folder_ / "night.hvk";

 private:
  static const io::CertificateAuthority& authority() {
    static const io::CertificateAuthority made = io::CertificateAuthority::make().value();
    return made;
  }
  const io::ServerIdentity identity_ =
      authority().issue({.hosts = {"localhost", "venue.test"}, .addresses = {"127.0.0.1"}}).value();
  TemporaryFile ca_{authority().certificate_pem()};
  TemporaryFile certificate_{identity_.certificate_pem};
  TemporaryFile key_{identity_.key_pem};
  TemporaryFile settings_;
  TemporaryFile scenario_;
  std::unique_ptr<Program> venue_;
  std::unique_ptr<Program> engine_;
  size_t read_ = 0;  // of what the engine said
  std::optional<rlimit> before_limit_;
};

}  // namespace havklo
