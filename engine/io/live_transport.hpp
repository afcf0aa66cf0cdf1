// The network door on a real machine: names, TCP and TLS. What holds for every way to the kernel
// is here; UringTransport and SocketTransport are two ways.
//
// Owns:       the resolver, what is remembered of each name's addresses, a slot for each
//             connection, the last TLS session, the file by which others wake the loop.
// Threads:    everything from start_on_this_thread() to stop_on_this_thread() belongs to the loop,
//             wake() to anyone.
// Invariants: those of Transport.
// Errors:     create() and files() say in one line what the system refuses; std::bad_alloc passes
//             through them. Later: as completions.
// Cost:       once a connection is open, nothing is allocated, and no system call is made but those
//             that the way to the kernel names.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <expected>
#include <havklo/config.hpp>
#include <havklo/limits.hpp>
#include <havklo/recording.hpp>
#include <havklo/transport.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addresses/addresses.hpp"
#include "io/connection_slot.hpp"
#include "io/pending_connect.hpp"
#include "io/phase_recorder.hpp"
#include "io/system_clock.hpp"
#include "io/threads/resolver.hpp"
#include "io/tls/stream.hpp"
#include "io/uring/uring.hpp"
#include "io/wake_file.hpp"

namespace havklo::io {

// How long a peer that still talks is heard out behind our goodbye.
struct GoodbyeLimits {
  Duration time{goodbye_time_ns_max};
  uint64_t bytes = goodbye_bytes_max;
};

struct LiveTransportSettings {
  Network network = Network::automatic;
  bool tls = true;  // false: no CA certificates are loaded
  // Of the sessions, by their numbers, which connection ids carry; the last one's of those beyond.
  // None: the system's store.
  std::vector<std::optional<std::string>> ca_files = {};
  uint32_t connections_max = 4;  // open at once; as many again may be on their way out
  UringSettings uring;
  ResolverSettings resolver;
  GoodbyeLimits goodbye = {};
};

// The loop counts, anyone may read.
struct SocketCounters {
  std::atomic<uint64_t> calls{0};        // recv, send, poll
  std::atomic<uint64_t> empty_calls{0};  // of them, recv that had nothing
};

class LiveTransport : public Transport {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<LiveTransport>, std::string> create(
      const LiveTransportSettings& settings);

  // By the loop's thread, before its first turn; again after a failure.
  [[nodiscard]] virtual std::expected<void, std::string> start_on_this_thread() = 0;
  // Once, by the same thread, after its last turn, unless it is the one that destroys.
  virtual void stop_on_this_thread() = 0;
  [[nodiscard]] const NetworkChoice& network() const { return choice_; }
  // What a recorder writes its files with: there as long as the transport. Before the loop begins.
  [[nodiscard]] virtual std::expected<BlockWriter*, std::string> files() = 0;

  // Where TLS decrypts into as long as it has room; before the loop begins.
  void receive_into(ReceiveRoom& room) { receive_room_ = &room; }

  void open(ConnectionId id, const OpenRequest& request) final;
  void send(ConnectionId id, std::span<const std::byte> bytes) final;
  void close(ConnectionId id) final;
  void greeted(ConnectionId id) final;
  void collect() final;
  uint32_t poll(CompletionSink& sink, uint32_t completions_max) final;
  void flush() final;

  // Sleeps until something arrives, wake() is called or `at_most` has passed.
  virtual void park(Duration at_most) = 0;
  void wake() const noexcept { wake_file_.wake(); }
  // Says the goodbyes that wait, lets the kernel take and finish what is on its way out, and hears
  // out who still talks, for `at_most` at most.
  void drain(Duration at_most);

  // Of the ring, if there is one.
  [[nodiscard]] virtual const UringCounters& counters() const = 0;
  [[nodiscard]] const SocketCounters& socket_counters() const { return socket_counters_; }
  // For the core, which tells it how far a message is.
  [[nodiscard]] PhaseRecorder& phases() { return phases_; }
  [[nodiscard]] const PhaseRecorder& phases() const { return phases_; }
  // For tests: answers in place of the resolver.
  void override_addresses(std::vector<Endpoint> addresses) { override_ = std::move(addresses); }

 protected:
  using Slot = ConnectionSlot;
  using Phase = Slot::Phase;

  LiveTransport(const LiveTransportSettings& settings, WakeFile wake_file, NetworkChoice choice);

  // What a way to the kernel does. `socket_flags`: of its sockets.
  [[nodiscard]] virtual std::unique_ptr<Slot> make_slot() const = 0;
  [[nodiscard]] virtual int socket_flags() const = 0;
  // Begins to connect to pending.address; on_connected() hears of it.
  virtual void connect(PendingConnect& pending) = 0;
  // Nobody waits for it any more: at some time it is free.
  virtual void abandon(PendingConnect& pending) = 0;
  // TCP is open at slot.file: bytes may come.
  virtual void begin_stream(Slot& slot) = 0;
  // Something waits in slot.output(), or may.
  virtual void send_output(Slot& slot) = 0;
  // Offers output once, ends our direction, throws away what still comes until the peer's end or
  // the slot's patience is over (else a reset could overtake the output), and then calls release().
  // Without a socket: only that.
  virtual void end(Slot& slot) = 0;
  // Finds out what has arrived, for connections and files.
  virtual void collect_completions() = 0;
  // Takes that, while delivered() < `completions_max`.
  virtual void take_completions(CompletionSink& sink, uint32_t completions_max) = 0;
  // What was prepared in this turn goes to the kernel.
  virtual void hand_over() {}
  // Lets the kernel finish what it still owes, and the peers what they have to say; then closes
  // what is still on its way out.
  virtual void finish_sending(Duration at_most) = 0;

  // What it tells.
  void on_connected(PendingConnect& pending, int32_t error, CompletionSink& sink);
  void on_bytes(Slot& slot, std::span<std::byte> bytes, CompletionSink& sink);
  void on_end_of_stream(Slot& slot, CompletionSink& sink);
  void on_receive_error(Slot& slot, int32_t error, CompletionSink& sink) {
    fail(slot, Reason::peer_reset, error, sink);
  }
  void on_send_error(Slot& slot, int32_t error);
  void on_sent(Slot& slot, uint32_t plaintext_bytes, CompletionSink& sink) {
    deliver(slot, {.kind = Completion::Kind::sent, .sent_bytes = plaintext_bytes}, sink);
  }
  static void release(Slot& slot);

  [[nodiscard]] const WakeFile& wake_file() const { return wake_file_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Slot>>& slots() const { return slots_; }
  [[nodiscard]] const std::vector<std::unique_ptr<PendingConnect>>& pending() const {
    return pending_;
  }
  [[nodiscard]] uint32_t delivered() const { return delivered_; }  // in this poll()
  // The next turn has something to do: a loop must not sleep.
  [[nodiscard]] bool next_turn_is_due() const { return failures_wait_ || has_just_ended_; }
  // The same, no longer than until a race needs a look.
  [[nodiscard]] Duration until_race(Duration at_most);
  void ask_to_send() { output_waits_ = true; }  // at the next flush()
  void collect_and_discard();
  [[nodiscard]] bool anyone_leaves() const;
  // `at_most`, or less: until the first of those who leave is heard no longer.
  [[nodiscard]] Duration until_patience_ends(Duration at_most) const;

  SocketCounters socket_counters_;

 private:
  [[nodiscard]] static std::expected<std::unique_ptr<LiveTransport>, std::string> make(
      const LiveTransportSettings& settings);
  void add_slot();
  [[nodiscard]] Slot& free_slot();
  [[nodiscard]] Slot* find(ConnectionId id);
  [[nodiscard]] PendingConnect& free_pending();
  [[nodiscard]] addresses::Addresses& addresses_of(const std::string& host, uint16_t port);
  void take_addresses();
  void on_resolved(const ResolverAnswer& answer);
  // Of the name's addresses those that the slot's source address can reach, in their order.
  [[nodiscard]] static addresses::AddressOrder candidates(Slot& slot);
  // Who is to start in a slot's race starts; a race that nobody is left in fails.
  void run_race(Slot& slot);
  void start_connect(Slot& slot, const Endpoint& peer);
  // The socket takes the slot's source address, if there is one. An errno: it may not.
  [[nodiscard]] static int32_t take_source_address(const Slot& slot, int file);
  void fall(Slot& slot, const Endpoint& peer, int32_t error);
  void end_late_races();
  void note_race_wake();
  // Ends what runs for the slot, and tells its addresses that they failed, unless they greeted.
  void settle(Slot& slot);
  void abandon_all(const Slot& slot);
  template <class Use>
  void for_each_runner(const Slot& slot, Use use);
  // Makes the stream of its next connection, unless it is there. An errno: there is none.
  [[nodiscard]] static int32_t prepare(const std::string& name, KnownHost& host);
  [[nodiscard]] std::expected<void, std::string> load_certificates(
      const std::vector<std::optional<std::string>>& ca_files);
  [[nodiscard]] KnownHost& known_host(ConnectionId id, const std::string& name);
  void begin_handshake(Slot& slot, KnownHost& known, CompletionSink& sink);
  // False: the stream is not open.
  [[nodiscard]] bool on_handshake(Slot& slot, TlsStatus status, CompletionSink& sink);
  void on_shaken_hands(Slot& slot, CompletionSink& sink);
  void on_open(Slot& slot, bool tls_resumed, CompletionSink& sink);
  void on_ciphertext(Slot& slot, CompletionSink& sink);
  [[nodiscard]] std::span<std::byte> plaintext_room(ConnectionId id);
  void deliver(Slot& slot, Completion completion, CompletionSink& sink);
  // Reports the end of a stream at the next poll(), or at once.
  void fail_later(Slot& slot, Reason reason, int32_t os_error);
  void fail(Slot& slot, Reason reason, int32_t os_error, CompletionSink& sink);
  void keep_session(Slot& slot);
  void begin_patience(Slot& slot);
  void say_goodbye(Slot& slot);
  // Whether the connection in its place is about to open.
  [[nodiscard]] bool is_being_replaced(const Slot& slot) const;
  void run_errands();

  SystemClock clock_;
  WakeFile wake_file_;  // before the resolver, which writes to it
  NetworkChoice choice_;
  std::deque<TlsContext> tls_;          // one for each file of CAs
  std::vector<size_t> tls_of_session_;  // … which one
  // By it and by name, as many as the settings have.
  std::map<std::pair<size_t, std::string>, KnownHost> hosts_;
  std::unique_ptr<Resolver> resolver_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::unique_ptr<PendingConnect>> pending_;
  std::map<std::pair<std::string, uint16_t>, addresses::Addresses> names_;  // … and as the ports
  Instant race_wake_ = Instant::never();  // when a race needs a look, if nothing happens before
  ReceiveRoom* receive_room_ = nullptr;
  std::vector<std::byte> plaintext_;  // … or else; padding behind it
  std::vector<Endpoint> override_;
  PhaseRecorder phases_;
  uint32_t delivered_ = 0;      // in this poll()
  bool failures_wait_ = false;  // to be reported by the next poll()
  bool output_waits_ = false;
  bool has_just_ended_ = false;  // a connection, in this poll()
  GoodbyeLimits goodbye_;
  bool errands_wait_ = false;  // goodbyes, streams to be prepared: when no connection waits for us
};

}  // namespace havklo::io
