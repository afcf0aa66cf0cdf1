// havklo-ws-echo against a fuzzing server of a few cases: it asks for their number, runs each,
// asks for the reports, and is examined on the way.
#include "support/websocket/echo_client.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "support/tls_server.hpp"
#include "support/websocket/rules.hpp"

namespace havklo::websocket {
namespace {

struct FuzzCase {
  Frames frames;
  Lines replies;           // the last one is a close
  size_t piece_bytes = 0;  // 0: all at once
};

// Serves one connection after the other; all of it in the test's thread.
class FuzzingServer {
 public:
  explicit FuzzingServer(std::vector<FuzzCase> cases) : cases_(std::move(cases)) {}
  [[nodiscard]] uint16_t port() const { return listener_.port(); }

  // The next connection, to its end: what was asked for.
  std::string serve() {
    file_ = accept();
    const std::string request = read_head();
    const std::string path = request.substr(4, request.find(' ', 4) - 4);
    say(accepting_answer(request));
    if (path == "/getCaseCount") {
      say(frame(0x81, std::to_string(cases_.size())) + frame(0x88, close_body(1000)));
      EXPECT_EQ(replies(), Lines{"close 1000"});
    } else if (path.starts_with("/runCase?case=")) {
      const size_t number = std::stoul(path.substr(std::string("/runCase?case=").size()));
      const FuzzCase& each = cases_.at(number - 1);
      const std::string stream = stream_of(each.frames, Role::client);
      const size_t piece = each.piece_bytes == 0 ? stream.size() : each.piece_bytes;
      for (size_t at = 0; at < stream.size(); at += piece) say(stream.substr(at, piece));
      EXPECT_EQ(replies(), each.replies) << path;
    } else {
      say(frame(0x88, close_body(1000)));
      EXPECT_EQ(replies(), Lines{"close 1000"});
    }
    ::close(file_);
    return path;
  }

 private:
  static constexpr int patience_ms = 20'000;

  [[nodiscard]] static bool ready(int file, short events) {
    pollfd watched{.fd = file, .events = events, .revents = 0};
    return ::poll(&watched, 1, patience_ms) > 0;
  }
  [[nodiscard]] int accept() const {
    EXPECT_TRUE(ready(listener_.file(), POLLIN)) << "nobody comes";
    return listener_.accept();
  }
  std::string read_some() const {
    std::string bytes(65536, '\0');
    if (!ready(file_, POLLIN)) return "";
    const ssize_t size = ::recv(file_, bytes.data(), bytes.size(), 0);
    bytes.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return bytes;
  }
  [[nodiscard]] std::string read_head() const {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string more = read_some();
      if (more.empty()) return head;
      head += more;
    }
    return head;
  }
  // Up to the client's close.
  [[nodiscard]] Lines replies() const {
    std::string bytes;
    for (;;) {
      const Lines lines = lines_of(bytes, Role::client);
      if (!lines.empty() && lines.back().starts_with("close")) return lines;
      const std::string more = read_some();
      if (more.empty()) return lines;
      bytes += more;
    }
  }
  void say(std::string_view bytes) const {
    while (!bytes.empty() && ready(file_, POLLOUT)) {
      const ssize_t size = ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(size));
    }
  }

  std::vector<FuzzCase> cases_;
  Listener listener_;
  int file_ = -1;
};

const std::string bye = close_body(1000);

std::vector<FuzzCase> fuzz_cases() {
  const std::string large = stars(1'000'000);
  FuzzCase pings{{}, {}, 1};
  for (int i = 0; i < 10; ++i) {
    pings.frames.push_back({0x89, std::to_string(i)});
    pings.replies.push_back("pong " + std::to_string(i));
  }
  pings.frames.push_back({0x88, bye});
  pings.replies.push_back("close 1000");
  return {
      {{{0x81, "hello"}, {0x88, bye}}, {"text hello", "close 1000"}},
      {{{0x02, "a"}, {0x89, "p"}, {0x80, "b"}, {0x88, bye}},
       {"pong p", "binary ab", "close 1000"},
       1},
      {{{0x81, large}, {0x88, bye}}, {"text " + large, "close 1000"}, 997 * 64},
      pings,
      {{{0x81, "good"}, {0xC1, "bad"}, {0x81, large}}, {"text good", "close 1002 reserved_bits"}},
      {{{0x81, "\xFF"}}, {"close 1007 invalid_utf8"}},
      {{{0x88, close_body(1005)}}, {"close 1002 close_code_invalid"}},
      {{{0x88, ""}}, {"close "}},
  };
}

TEST(EchoClient, RunsEveryCaseOfAFuzzingServer) {
  FuzzingServer server(fuzz_cases());
  std::vector<std::string> told;
  std::expected<uint32_t, std::string> outcome;
  std::thread client([&, port = server.port()] {
    EchoClient echo("127.0.0.1", port, "tester");
    outcome = echo.run_all([&](uint32_t number, uint32_t count, const EchoClient::Visit& visit) {
      told.push_back(std::to_string(number) + '/' + std::to_string(count) + ' ' +
                     std::string(to_string(visit.error)));
    });
  });
  Lines paths;
  for (size_t i = 0; i < fuzz_cases().size() + 2; ++i) paths.push_back(server.serve());
  client.join();
  ASSERT_TRUE(outcome) << outcome.error();
  EXPECT_EQ(*outcome, 8u);
  EXPECT_EQ(paths, (Lines{"/getCaseCount", "/runCase?case=1&agent=tester",
                          "/runCase?case=2&agent=tester", "/runCase?case=3&agent=tester",
                          "/runCase?case=4&agent=tester", "/runCase?case=5&agent=tester",
                          "/runCase?case=6&agent=tester", "/runCase?case=7&agent=tester",
                          "/runCase?case=8&agent=tester", "/updateReports?agent=tester"}));
  EXPECT_EQ(told, (Lines{"1/8 none", "2/8 none", "3/8 none", "4/8 none", "5/8 reserved_bits",
                         "6/8 invalid_utf8", "7/8 close_code_invalid", "8/8 none"}));
}

TEST(EchoClient, SaysWhatFailed) {
  Listener listener;
  const uint16_t nobody = listener.port();
  listener.stop();
  EchoClient echo("127.0.0.1", nobody, "tester");
  const auto outcome = echo.run_all([](uint32_t, uint32_t, const EchoClient::Visit&) {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(),
            "/getCaseCount: cannot connect to 127.0.0.1:" + std::to_string(nobody));
}

}  // namespace
}  // namespace havklo::websocket
