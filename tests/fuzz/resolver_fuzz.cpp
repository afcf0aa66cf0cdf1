// Names to addresses. The hosts file and resolv.conf as any text, beside a reader of their lines
// that was written here; and what a name server says, as any packet: no address that the packet
// does not hold, each of them where the packet is one by RFC 1035, families apart.
//
// Input: what is tried; the name; the text, or the answers to the two questions, the shorter first.
// A server's answers go over a socket on loopback to the resolver's own thread, as they do live.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "addresses/address_text.hpp"
#include "addresses/addresses.hpp"
#include "fuzz/target.hpp"
#include "io/system_clock.hpp"
#include "io/threads/name_files.hpp"
#include "io/threads/resolver.hpp"
#include "support/temporary_file.hpp"

namespace havklo::resolver_fuzz {
namespace {

using namespace havklo::literals;
using fuzz::FuzzInput;
using fuzz::require;

// Lines of words.

std::vector<std::vector<std::string>> words_of(std::string_view text, std::string_view comments) {
  std::vector<std::vector<std::string>> lines(1);
  std::string word;
  bool in_comment = false;
  const auto end_word = [&] {
    if (!word.empty()) lines.back().push_back(std::exchange(word, {}));
  };
  for (const char c : text) {
    if (c == '\n') {
      end_word();
      lines.emplace_back();
      in_comment = false;
    } else if (in_comment || comments.find(c) != std::string_view::npos) {
      end_word();
      in_comment = true;
    } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
      end_word();
    } else {
      word += c;
    }
  }
  end_word();
  return lines;
}

std::string plain_name(std::string name) {
  if (!name.empty() && name.back() == '.') name.pop_back();
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return name;
}

// "1.2.3.4", "::1", and nothing else.
std::optional<Endpoint> address_in(const std::string& word) {
  if (word.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return std::nullopt;
  Endpoint endpoint{.port = 443, .family = 4};
  if (inet_pton(AF_INET, word.c_str(), endpoint.address.data()) == 1) return endpoint;
  endpoint.family = 6;
  if (inet_pton(AF_INET6, word.c_str(), endpoint.address.data()) == 1) return endpoint;
  return std::nullopt;
}

void check_hosts(const std::string& name, std::string_view text) {
  const TemporaryFile file(text);
  std::vector<Endpoint> expected;
  for (const auto& line : words_of(text, "#")) {
    const auto address = line.empty() ? std::nullopt : address_in(line.front());
    const auto is_named = [&](const std::string& word) {
      return plain_name(word) == plain_name(name);
    };
    if (address && std::any_of(line.begin() + 1, line.end(), is_named)) {
      expected.push_back(*address);
    }
  }
  require(io::addresses_in_hosts_file(file.path(), name, 443) == expected,
          "the hosts file names other addresses");
  for (const Endpoint& each : expected) {
    require(addresses::parse_address(addresses::address_text(each), 443) == each,
            "an address that is written reads otherwise");
  }
}

void check_resolv_conf(const std::string& name, std::string_view text) {
  const TemporaryFile file(text);
  std::vector<std::string> expected;
  for (const auto& line : words_of(text, "#;")) {
    if (name.find('.') != std::string::npos || line.empty()) continue;
    if (line.front() != "search" && line.front() != "domain") continue;
    expected.clear();
    for (size_t i = 1; i < line.size(); ++i) {
      std::string suffix = line[i];
      if (suffix.back() == '.') suffix.pop_back();
      if (!suffix.empty()) expected.push_back(name + "." + suffix);
    }
  }
  expected.push_back(name);
  require(io::names_to_ask(file.path(), name) == expected, "other names are asked");
}

// What a name server says.

constexpr size_t head_bytes = 12;
constexpr std::string_view host = "venue.test";

// A server that answers the two questions with what it is given, and the resolver that asks it;
// once a process.
class Asking {
 public:
  Asking() : file_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    require(::bind(file_, reinterpret_cast<sockaddr*>(&address), size) == 0, "no socket");
    require(::getsockname(file_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "no port");
    resolver_ =
        io::Resolver::create({}, {.servers = "127.0.0.1:" + std::to_string(ntohs(address.sin_port)),
                                  .hosts_file = "/dev/null",
                                  .resolv_conf = "/dev/null"})
            .value();
  }
  ~Asking() { ::close(file_); }

  // `packets`: what is said to a question for IPv4 and for IPv6, its first two bytes replaced by
  // the question's number.
  io::ResolverAnswer ask(const std::array<std::string, 2>& answers, bool with_question,
                         std::array<std::string, 2>& packets) {
    const Instant began = clock_.now();
    resolver_->ask(++token_, host, 443, timeout);
    io::ResolverAnswer answer;
    while (!resolver_->take(answer)) {
      pollfd wait{.fd = file_, .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 0) == 1) reply(answers, with_question, packets);
    }
    require(answer.token == token_ && answer.host == host && answer.port == 443,
            "the answer to another question");
    was_late_ = clock_.now() - began >= Duration{timeout.ns / 2};
    return answer;
  }
  // Its time was over: a machine that is busy enough ends any question so.
  [[nodiscard]] bool was_late() const { return was_late_; }

 private:
  void reply(const std::array<std::string, 2>& answers, bool with_question,
             std::array<std::string, 2>& packets) {
    std::array<char, 512> buffer{};
    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    const ssize_t size = ::recvfrom(file_, buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&peer), &peer_size);
    if (size < static_cast<ssize_t>(head_bytes)) return;
    const std::string query(buffer.data(), static_cast<size_t>(size));
    const size_t end = query.find('\0', head_bytes);
    if (end == std::string::npos || end + 5 > query.size()) return;
    const size_t which = query[end + 2] == 1 ? 0 : 1;
    std::string packet = answers[which];
    packet.resize(std::max(packet.size(), head_bytes));
    packet[0] = query[0];
    packet[1] = query[1];
    if (with_question) {
      packet[2] = static_cast<char>(packet[2] | '\x80');
      packet[4] = 0;
      packet[5] = 1;
      packet.insert(head_bytes, query.substr(head_bytes, end + 5 - head_bytes));
    }
    packets[which] = packet;
    ::sendto(file_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&peer), peer_size);
  }

  // A packet that is none is waited for in vain, half as long.
  static constexpr Duration timeout = 100_ms;

  int file_;
  io::SystemClock clock_;
  std::unique_ptr<io::Resolver> resolver_;
  uint64_t token_ = 0;
  bool was_late_ = false;
};

using Address = std::string;  // its 4 or 16 bytes

// The addresses of a packet whose answers are all of the kind that was asked for, under the name
// that was asked for, and which holds nothing else; nothing: it is another packet.
std::optional<std::set<Address>> plain_answers(const std::string& packet, uint8_t type,
                                               size_t bytes) {
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(packet[at]); };
  const size_t question = head_bytes + host.size() + 2 + 4;
  if (packet.size() < question) return std::nullopt;
  if (byte(2) != 0x81 || byte(3) != 0x80 || byte(6) != 0) return std::nullopt;
  if (byte(8) + byte(9) + byte(10) + byte(11) != 0) return std::nullopt;
  std::set<Address> found;
  size_t at = question;
  for (uint8_t left = byte(7); left != 0; --left) {
    const std::string head{'\xC0', '\x0C', '\0', static_cast<char>(type), '\0', '\x01'};
    if (packet.compare(at, head.size(), head) != 0) return std::nullopt;
    at += head.size() + 4;  // and how long it is good
    if (packet.size() < at + 2 + bytes || byte(at) != 0 || byte(at + 1) != bytes) {
      return std::nullopt;
    }
    found.insert(packet.substr(at + 2, bytes));
    at += 2 + bytes;
  }
  return at == packet.size() ? std::optional(found) : std::nullopt;
}

void check_dns(FuzzInput input) {
  static Asking asking;
  const bool with_question = input.byte() % 8 != 0;
  std::array<std::string, 2> answers;
  const size_t first = input.byte();
  answers[0] = input.text(first);
  answers[1] = input.rest();
  std::array<std::string, 2> packets;
  const io::ResolverAnswer answer = asking.ask(answers, with_question, packets);

  std::array<std::set<Address>, 2> found;
  size_t changes = 0;
  for (size_t i = 0; i < answer.addresses.size(); ++i) {
    const Endpoint& each = answer.addresses[i];
    require(each.port == 443 && (each.family == 4 || each.family == 6), "an address of no family");
    if (i != 0 && each.family != answer.addresses[i - 1].family) ++changes;
    const size_t which = each.family == 4 ? 0 : 1;
    const size_t bytes = each.family == 4 ? 4 : 16;
    const Address address(reinterpret_cast<const char*>(each.address.data()), bytes);
    const std::string data = std::string(1, '\0') + static_cast<char>(bytes) + address;
    // c-ares takes both kinds out of the answer to either question.
    require((packets[0] + packets[1]).find(data) != std::string::npos,
            "an address that nobody said");
    found[which].insert(address);
  }
  require(changes <= 1, "the families are mixed");
  if (with_question && !asking.was_late()) {
    const auto ipv4 = plain_answers(packets[0], 1, 4);
    const auto ipv6 = plain_answers(packets[1], 28, 16);
    if (ipv4 && ipv6) {
      require(found[0] == *ipv4 && found[1] == *ipv6, "not the addresses that were said");
    }
  }
  addresses::Addresses list;
  list.learn(answer.addresses);
  const auto order = list.order().endpoints;
  require(order.size() <= addresses::Addresses::listed_max, "too many are tried");
  for (size_t i = 0; i < order.size(); ++i) {
    require(std::find(order.begin(), order.begin() + static_cast<ptrdiff_t>(i), order[i]) ==
                order.begin() + static_cast<ptrdiff_t>(i),
            "an address is tried twice");
  }
}

}  // namespace

HAVKLO_FUZZ_TARGET(resolver) {
  FuzzInput input(bytes);
  const uint8_t what = input.byte() % 3;
  if (what == 2) return check_dns(input);
  const std::string name(input.text(input.byte() % 32));
  if (name.empty()) return;
  if (what == 0) return check_hosts(name, input.rest());
  check_resolv_conf(name, input.rest());
}

}  // namespace havklo::resolver_fuzz
