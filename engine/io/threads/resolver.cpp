// A thread around c-ares, and two small mailboxes.
#include "io/threads/resolver.hpp"

#include <ares.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "addresses/address_text.hpp"
#include "io/system_clock.hpp"
#include "io/threads/name_files.hpp"
#include "io/threads/started_thread.hpp"

namespace havklo::io {
namespace {

using addresses::parse_address;

struct Question {
  uint64_t token = 0;
  std::string host;
  uint16_t port = 0;
  Duration limit;
  Instant deadline;
};

// What DNS says of one name.
struct Found {
  std::vector<Endpoint> addresses;
  bool denied = false;  // for both families: no such name, or no address of it
};

// A server that answers for one family and drops the question for the other must not hold up every
// attempt (RFC 8305 §3).
constexpr Duration second_family_wait = Duration::milliseconds(50);

// c-ares is set up once a process, and tried again after a failure.
int library_result() {
  static std::mutex mutex;
  static int result = ARES_ENOTINITIALIZED;
  const std::scoped_lock lock(mutex);
  if (result != ARES_SUCCESS) result = ares_library_init(ARES_LIB_INIT_ALL);
  return result;
}

int whole_milliseconds(Duration duration) {
  return static_cast<int>(std::max<int64_t>(duration.ns / 1'000'000, 1));
}

Endpoint from_sockaddr(const sockaddr* address, uint16_t port) {
  Endpoint endpoint{.port = port};
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    std::memcpy(endpoint.address.data(), &in.sin_addr, 4);
    endpoint.family = 4;
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    std::memcpy(endpoint.address.data(), &in.sin6_addr, 16);
    endpoint.family = 6;
  }
  return endpoint;
}

// Link-local, or unique local (RFC 4193): from there nothing beyond is reached.
bool is_local(const in6_addr& address) {
  return (address.s6_addr[0] & 0xFE) == 0xFC || IN6_IS_ADDR_LINKLOCAL(&address) != 0;
}

// Whether the kernel knows a way to it, from an address that gets an answer; nothing is sent.
bool has_route(const Endpoint& endpoint) {
  sockaddr_in6 peer{};
  peer.sin6_family = AF_INET6;
  peer.sin6_port = htons(endpoint.port);
  std::memcpy(&peer.sin6_addr, endpoint.address.data(), sizeof peer.sin6_addr);
  const int file = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (file < 0) return false;
  sockaddr_in6 own{};
  socklen_t size = sizeof own;
  const bool known = ::connect(file, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0 &&
                     ::getsockname(file, reinterpret_cast<sockaddr*>(&own), &size) == 0;
  ::close(file);
  return known && (!is_local(own.sin6_addr) || is_local(peer.sin6_addr));
}

// IPv6 before IPv4 where it leads anywhere (RFC 6724 §6, rules 1, 5 and 6), each in its own order:
// c-ares has sorted it.
std::vector<Endpoint> in_order(std::vector<Endpoint> found) {
  const auto ipv4 =
      std::ranges::stable_partition(found, [](const Endpoint& each) { return each.family == 6; });
  if (ipv4.begin() != found.begin() && !has_route(found.front())) {
    std::ranges::rotate(found, ipv4.begin());
  }
  return found;
}

}  // namespace

struct Resolver::State {
  State(std::function<void()> tell, ResolverSettings given)
      : on_answer(std::move(tell)), settings(std::move(given)) {}

  void run();
  void look_up(const Question& question);
  [[nodiscard]] std::vector<Endpoint> ask_dns(const Question& question);
  [[nodiscard]] Found ask_servers(const Question& question, const std::string& name);
  [[nodiscard]] ares_channel open_channel(const Question& question);
  void wait_for_servers(ares_channel channel, Instant deadline);
  void lay_ready(ResolverAnswer answer);
  // Sleeps until there is one; none: it is time to stop.
  [[nodiscard]] std::optional<Question> next_question();

  std::function<void()> on_answer;
  ResolverSettings settings;
  SystemClock clock;
  std::mutex mutex;  // guards the two mailboxes
  std::condition_variable asked;
  std::deque<Question> questions;
  std::deque<ResolverAnswer> answers;
  std::atomic<bool> has_answers{false};
  std::atomic<bool> stop{false};
  std::map<std::string, std::string> found_as;  // a host, by which name; the thread's own
  std::thread thread;
};

std::expected<std::unique_ptr<Resolver>, std::string> Resolver::create(
    std::function<void()> on_answer, ResolverSettings settings) {
  std::unique_ptr<Resolver> resolver(
      new Resolver(std::make_unique<State>(std::move(on_answer), std::move(settings))));
  State* const state = resolver->state_.get();
  if (const int result = library_result(); result != ARES_SUCCESS) {
    return std::unexpected(std::string("c-ares: ") + ares_strerror(result));
  }
  auto started = start_thread([state] { state->run(); });
  if (!started) return std::unexpected(std::move(started.error()));
  state->thread = std::move(*started);
  return resolver;
}

Resolver::Resolver(std::unique_ptr<State> state) : state_(std::move(state)) {}

Resolver::~Resolver() {
  if (!state_->thread.joinable()) return;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stop.store(true);
  }
  state_->asked.notify_one();
  state_->thread.join();
}

void Resolver::ask(uint64_t token, std::string_view host, uint16_t port, Duration timeout) {
  const Endpoint literal = parse_address(host, port);
  if (literal.family != 0) {
    return state_->lay_ready({token, std::string(host), port, {literal}});
  }
  if (host == "localhost") {  // RFC 6761 §6.3: never asked of a server
    return state_->lay_ready({token,
                              std::string(host),
                              port,
                              {parse_address("127.0.0.1", port), parse_address("::1", port)}});
  }
  const Duration limit{timeout.ns / 2};
  {
    const std::scoped_lock lock(state_->mutex);
    state_->questions.push_back(
        {token, std::string(host), port, limit, state_->clock.now() + limit});
  }
  state_->asked.notify_one();
}

bool Resolver::take(ResolverAnswer& answer) {
  if (!state_->has_answers.load(std::memory_order_acquire)) return false;
  const std::scoped_lock lock(state_->mutex);
  if (state_->answers.empty()) return false;
  answer = std::move(state_->answers.front());
  state_->answers.pop_front();
  state_->has_answers.store(!state_->answers.empty(), std::memory_order_release);
  return true;
}

void Resolver::State::lay_ready(ResolverAnswer answer) {
  const std::scoped_lock lock(mutex);
  answers.push_back(std::move(answer));
  has_answers.store(true, std::memory_order_release);
}

// A question that there is no memory for stays without an answer: its attempt ends in time.
void Resolver::State::run() {
  while (const auto question = next_question()) {
    try {
      look_up(*question);
    } catch (const std::bad_alloc&) {
    }
  }
}

std::optional<Question> Resolver::State::next_question() {
  std::unique_lock lock(mutex);
  asked.wait(lock, [this] { return stop.load() || !questions.empty(); });
  if (stop.load()) return std::nullopt;
  Question question = std::move(questions.front());
  questions.pop_front();
  return question;
}

void Resolver::State::look_up(const Question& question) {
  std::vector<Endpoint> found =
      in_order(addresses_in_hosts_file(settings.hosts_file, question.host, question.port));
  if (found.empty()) found = ask_dns(question);
  lay_ready({question.token, question.host, question.port, std::move(found)});
  if (on_answer) on_answer();
}

std::vector<Endpoint> Resolver::State::ask_dns(const Question& question) {
  std::string& known = found_as[question.host];
  std::vector<std::string> names = names_to_ask(settings.resolv_conf, question.host);
  const auto last = std::ranges::find(names, known);
  if (last != names.end()) names.erase(last + 1, names.end());
  for (const std::string& name : names) {
    Found found = ask_servers(question, name);
    if (!found.addresses.empty()) {
      known = name;
      return in_order(std::move(found.addresses));
    }
    // Silence is no answer: the name may exist.
    if (!found.denied) break;
  }
  return {};
}

// One name at a time, with a channel of its own: servers that changed since are seen. Empty at the
// deadline, which may have passed while earlier questions were looked up.
Found Resolver::State::ask_servers(const Question& question, const std::string& name) {
  // Each family by a question of its own: c-ares tells of both only when both are answered.
  struct Result {
    bool done = false;
    bool denied = false;
    uint16_t port = 0;
    std::vector<Endpoint> addresses;
  };
  Result ipv6{.port = question.port};
  Result ipv4{.port = question.port};

  ares_channel channel = open_channel(question);
  if (channel == nullptr) return {};
  const auto on_done = [](void* context, int status, int, ares_addrinfo* info) {
    auto& out = *static_cast<Result*>(context);
    out.done = true;
    out.denied = status == ARES_ENOTFOUND || status == ARES_ENODATA;
    if (status != ARES_SUCCESS || info == nullptr) return;
    for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
      const Endpoint endpoint = from_sockaddr(node->ai_addr, out.port);
      if (endpoint.family != 0) out.addresses.push_back(endpoint);
    }
    ares_freeaddrinfo(info);
  };
  for (const auto& [family, result] : {std::pair(AF_INET6, &ipv6), std::pair(AF_INET, &ipv4)}) {
    ares_addrinfo_hints hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel, name.c_str(), nullptr, &hints, on_done, result);
  }
  Instant until = question.deadline;
  bool one_found = false;
  while (!(ipv6.done && ipv4.done) && !stop.load() && clock.now() < until) {
    wait_for_servers(channel, until);
    if (one_found || (ipv6.addresses.empty() && ipv4.addresses.empty())) continue;
    one_found = true;
    until = std::min(until, clock.now() + second_family_wait);
  }
  ares_destroy(channel);  // calls back what is still open
  Found found{.addresses = std::move(ipv6.addresses), .denied = ipv6.denied && ipv4.denied};
  found.addresses.insert(found.addresses.end(), ipv4.addresses.begin(), ipv4.addresses.end());
  return found;
}

// DNS alone and the name as it is, whatever the files and the environment say. Null: no memory.
ares_channel Resolver::State::open_channel(const Question& question) {
  ares_channel channel{};
  ares_options options{};
  std::string lookups = "b";
  options.lookups = lookups.data();
  options.domains = nullptr;
  options.ndomains = 0;
  options.ndots = 1;
  options.flags = ARES_FLAG_NOALIASES | ARES_FLAG_NOSEARCH;
  options.timeout = whole_milliseconds({question.limit.ns / 4});  // doubles with every try
  options.tries = 3;
  options.resolvconf_path = settings.resolv_conf.data();
  constexpr int given = ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_NDOTS | ARES_OPT_FLAGS |
                        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_RESOLVCONF;
  if (ares_init_options(&channel, &options, given) != ARES_SUCCESS) return nullptr;
  if (!settings.servers.empty()) ares_set_servers_ports_csv(channel, settings.servers.c_str());
  return channel;
}

// Until an answer, the next thing c-ares has to do, or the deadline; a tenth of a second at most,
// to see `stop`.
void Resolver::State::wait_for_servers(ares_channel channel, Instant deadline) {
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const int bits = ares_getsock(channel, sockets.data(), ARES_GETSOCK_MAXNUM);
  std::array<pollfd, ARES_GETSOCK_MAXNUM> waits{};
  nfds_t count = 0;
  for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    const bool reads = ARES_GETSOCK_READABLE(static_cast<unsigned>(bits), i) != 0;
    const bool writes = ARES_GETSOCK_WRITABLE(static_cast<unsigned>(bits), i) != 0;
    if (!reads && !writes) continue;
    const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
    waits[count++] = {.fd = sockets[i], .events = static_cast<short>(events), .revents = 0};
  }
  timeval longest{.tv_sec = 0, .tv_usec = 100'000};
  timeval next{};
  const timeval* wait = ares_timeout(channel, &longest, &next);
  const int wait_ms = static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1);
  ::poll(waits.data(), count, std::min(wait_ms, whole_milliseconds(deadline - clock.now())));
  for (nfds_t i = 0; i < count; ++i) {
    const int fd = waits[i].fd;
    ares_process_fd(channel, (waits[i].revents & (POLLIN | POLLERR | POLLHUP)) ? fd : -1,
                    (waits[i].revents & POLLOUT) ? fd : -1);
  }
  if (count == 0) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

}  // namespace havklo::io
