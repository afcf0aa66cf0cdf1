// TLS 1.3 records opened without wolfSSL's record layer, against a server that forges them: the
// vectors of RFC 8448, every kind of record, every cut, every refusal with its alert, and a seeded
// comparison with wolfSSL's own path.
#include "io/tls/record_opener.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <havklo/random.hpp>
#include <ostream>
#include <string>

#include "io/tls/stream.hpp"
#include "support/temporary_file.hpp"
#include "support/tls_forger.hpp"

namespace havklo::io {
namespace {

constexpr int alert_close_notify = 0;
constexpr int alert_unexpected_message = 10;
constexpr int alert_bad_record_mac = 20;
constexpr int alert_record_overflow = 22;

constexpr uint8_t change_cipher_spec = 20;
constexpr uint8_t alert = 21;
constexpr uint8_t handshake = 22;
constexpr uint8_t application_data = 23;

Wire from_hex(std::string_view digits) {
  Wire bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    const std::string pair(digits.substr(i, 2));
    bytes.push_back(static_cast<std::byte>(std::stoul(pair, nullptr, 16)));
  }
  return bytes;
}

Wire key_update(bool asks_for_one) {
  return {std::byte{24}, {}, {}, std::byte{1}, asks_for_one ? std::byte{1} : std::byte{0}};
}

Wire joined(std::initializer_list<Wire> parts) {
  Wire all;
  for (const Wire& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// A client with its hands shaken, and who forges for it.
class Pair {
 public:
  explicit Pair(const char* suite = "TLS13-AES128-GCM-SHA256", bool opens_records = true,
                std::string_view early = {})
      : client(context(opens_records), "localhost"), forger(identity(), suite) {
    tickets = forger.shake_hands(client, early);
  }

  struct Got {
    std::string text;
    TlsStatus status = TlsStatus::want_more;
  };
  // In reads of `piece` bytes, each into a room of `room_bytes`.
  Got take(const Wire& wire, size_t piece = 1U << 20U, size_t room_bytes = 40'000) {
    Got got;
    Wire room(room_bytes);
    for (size_t at = 0; at < wire.size() && got.status == TlsStatus::want_more; at += piece) {
      // Memory of its own size, so that a sanitizer sees who reads behind it.
      const auto part = std::span(wire).subspan(at, std::min(piece, wire.size() - at));
      const Wire fed(part.begin(), part.end());
      client.feed(fed);
      do {
        const TlsStream::Read read = client.read(room);
        got.text.append(reinterpret_cast<const char*>(room.data()), read.bytes);
        got.status = read.status;
      } while (got.status == TlsStatus::done);
    }
    return got;
  }
  [[nodiscard]] RecordSealer& records() { return forger.records(); }

 private:
  static const CertificateAuthority& authority() {
    static const CertificateAuthority made = CertificateAuthority::make().value();
    return made;
  }
  static const ServerIdentity& identity() {
    static const ServerIdentity made = authority().issue().value();
    return made;
  }
  static TlsContext make_context(bool opens_records) {
    const TemporaryFile ca(authority().certificate_pem());
    TlsContext made = TlsContext::client(ca.path(), TlsVersions::both).value();
    if (!opens_records) made.leave_records_to_library();
    return made;
  }
  static TlsContext& context(bool opens_records) {
    static TlsContext opens = make_context(true);
    static TlsContext leaves = make_context(false);
    return opens_records ? opens : leaves;
  }

 public:
  TlsStream client;
  TlsForger forger;
  Wire tickets;
};

class TlsRecords : public testing::Test {
 protected:
  void SetUp() override {
    if (!TlsForger::can_forge) GTEST_SKIP() << "this wolfSSL has no HAVE_SECRET_CALLBACK";
    if (!AesGcm::is_fast()) GTEST_SKIP() << "this processor has no AES instructions";
  }
};

TEST_F(TlsRecords, DeriveTheKeysOfRfc8448) {  // section 3: {server} derive write traffic keys
  const Wire secret = from_hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
  Wire key(16);
  Wire iv(12);
  expand_label(secret, "key", key);
  expand_label(secret, "iv", iv);
  EXPECT_EQ(key, from_hex("9f02283b6c9c07efc26bb9f2ac92e356"));
  EXPECT_EQ(iv, from_hex("cf782b88dd83549aadf1e984"));
}

// Section 3: the ticket, 50 bytes of application data, close_notify: numbers 0, 1 and 2.
TEST_F(TlsRecords, OpenTheServersOfRfc8448) {
  const Wire wire = from_hex(
      "17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db"
      "289a015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3"
      "d03f75e09c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca47584"
      "0025db2f0a77f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952"
      "ca49fe5137121c74bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f"
      "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a"
      "59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d"
      "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9");
  TlsRecordOpener opener(
      0x1301, from_hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"));
  std::span<const std::byte> input = wire;
  Wire room(400);
  using Kind = TlsRecordOpener::Opened::Kind;
  const auto ticket = opener.open_next(input, room);
  EXPECT_EQ(ticket.kind, Kind::for_library);
  // Sealed again under the same number it is the same record: so far the library's count is ours.
  EXPECT_TRUE(std::ranges::equal(ticket.record, std::span(wire).first(227)));
  const auto text = opener.open_next(input, room);
  ASSERT_EQ(text.kind, Kind::text);
  ASSERT_EQ(text.text_bytes, 50u);
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(std::to_integer<size_t>(room[i]), i);
  EXPECT_EQ(opener.open_next(input, room).kind, Kind::for_library);
  EXPECT_TRUE(input.empty());
  EXPECT_EQ(opener.open_next(input, room).kind, Kind::needs_more);
}

TEST_F(TlsRecords, AreOpenedHereForAesGcmOfVersion13Alone) {
  EXPECT_TRUE(Pair("TLS13-AES128-GCM-SHA256").client.opens_records());
  EXPECT_TRUE(Pair("TLS13-AES256-GCM-SHA384").client.opens_records());
  EXPECT_FALSE(Pair("TLS13-CHACHA20-POLY1305-SHA256").client.opens_records());
  EXPECT_FALSE(Pair("TLS13-AES128-GCM-SHA256", false).client.opens_records());
}

class TlsRecordsOfSuite : public TlsRecords, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Suites, TlsRecordsOfSuite,
                         testing::Values("TLS13-AES128-GCM-SHA256", "TLS13-AES256-GCM-SHA384"),
                         [](const auto& suite) { return std::string(suite.param).substr(6, 6); });

TEST_P(TlsRecordsOfSuite, CarryTextBetweenTicketsKeyUpdatesAndPadding) {
  Pair pair(GetParam());
  ASSERT_FALSE(pair.tickets.empty());
  RecordSealer& records = pair.records();
  Wire wire =
      joined({pair.tickets, records.text("one "), records.text("two ", 300), records.text(""),
              records.text("", 1'000), records.seal(key_update(false), handshake)});
  records.update_secret();
  wire = joined({wire, records.text("three "), records.seal(key_update(true), handshake)});
  records.update_secret();
  wire = joined({wire, records.text("four")});
  const Pair::Got got = pair.take(wire);
  EXPECT_EQ(got.status, TlsStatus::want_more) << pair.client.error_text();
  EXPECT_EQ(got.text, "one two three four");
  EXPECT_FALSE(pair.client.take_session().empty()) << "the ticket has not reached wolfSSL";
  // wolfSSL answered the second key update, and what the client says is under its next key.
  ASSERT_TRUE(pair.client.write(wire_of("answer")));
  EXPECT_EQ(pair.forger.read_from(pair.client), "answer");
}

TEST_P(TlsRecordsOfSuite, MayComeWithTheEndOfTheHandshake) {
  for (const bool opens_records : {true, false}) {
    Pair pair(GetParam(), opens_records, "early");
    std::array<std::byte, 100> room{};
    const TlsStream::Read read = pair.client.read(room);
    EXPECT_EQ(read.status, TlsStatus::want_more) << pair.client.error_text();
    EXPECT_EQ(read.bytes, 5u);
    EXPECT_EQ(pair.take(pair.records().text("later")).text, "later");
  }
}

TEST_P(TlsRecordsOfSuite, FollowTheKeyUpdatesOfARealServer) {
  Pair pair(GetParam());
  std::string all;
  EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
  WOLFSSL* const server = pair.forger.ssl();
  for (int round = 0; round < 20; ++round) {
    if (round % 3 == 1) {
      EXPECT_EQ(wolfSSL_update_keys(server), WOLFSSL_SUCCESS);
    }
    const std::string text = "round " + std::to_string(round);
    EXPECT_GT(wolfSSL_write(server, text.data(), static_cast<int>(text.size())), 0);
    const Pair::Got got = pair.take(pair.forger.take_output());
    EXPECT_EQ(got.status, TlsStatus::want_more) << pair.client.error_text();
    EXPECT_EQ(got.text, text);
    ASSERT_TRUE(pair.client.write(wire_of(text)));
    EXPECT_EQ(pair.forger.read_from(pair.client), text);
  }
  EXPECT_TRUE(pair.client.opens_records());
}

TEST_P(TlsRecordsOfSuite, AreTheSameHoweverTheyAreCut) {
  Pair pair(GetParam());
  EXPECT_EQ(pair.take(pair.tickets, 1).status, TlsStatus::want_more);
  EXPECT_FALSE(pair.client.take_session().empty());
  RecordSealer& records = pair.records();
  const std::string long_text(300, 'l');
  size_t cuts = 0;
  for (size_t cut = 1;; ++cut, ++cuts) {
    Wire wire = joined({records.text("begin "), records.seal(key_update(false), handshake)});
    records.update_secret();
    wire = joined({wire, records.text("middle ", 20), records.text(""), records.text(long_text)});
    if (cut >= wire.size()) break;
    const Pair::Got first = pair.take(Wire(wire.begin(), wire.begin() + static_cast<long>(cut)));
    ASSERT_EQ(first.status, TlsStatus::want_more) << cut;
    const Pair::Got second = pair.take(Wire(wire.begin() + static_cast<long>(cut), wire.end()));
    ASSERT_EQ(second.status, TlsStatus::want_more) << cut;
    ASSERT_EQ(first.text + second.text, "begin middle " + long_text) << cut;
  }
  EXPECT_GT(cuts, 400u);
}

TEST_F(TlsRecords, FillRoomsSmallerThanThemselves) {
  Pair pair;
  EXPECT_EQ(pair.take(pair.tickets, 1, 1).status, TlsStatus::want_more);
  for (const size_t room : {size_t{1}, size_t{7}, size_t{100}, size_t{301}}) {
    std::string sent;
    Wire wire;
    for (size_t size = 1; size <= 300; size += 13) {
      const std::string part(size, static_cast<char>('a' + size % 26));
      wire = joined({wire, pair.records().text(part, size % 5)});
      sent += part;
    }
    EXPECT_EQ(pair.take(wire, 50, room).text, sent) << room;
  }
}

TEST_F(TlsRecords, AreTakenUpToTheLimitAndRefusedBeyond) {
  Pair pair;
  EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
  const std::string full(1U << 14U, 'f');
  EXPECT_EQ(pair.take(pair.records().text(full), 1'000).text, full);
  EXPECT_EQ(pair.take(pair.records().text("x", (1U << 14U) - 1)).text, "x");
  const Pair::Got got = pair.take(pair.records().text(full, 1));
  EXPECT_EQ(got.status, TlsStatus::failed);
  EXPECT_EQ(got.text, "");
  EXPECT_EQ(pair.client.reason(), Reason::tls_failed);
  EXPECT_EQ(pair.forger.alert_from(pair.client), alert_record_overflow);
}

TEST_F(TlsRecords, AreRefusedByTheHeaderAlone) {  // nothing is gathered for a size that may not be
  for (const uint32_t size : {16'402U, 16'640U, 16'641U, 20'000U, 65'535U}) {
    Pair pair;
    EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
    const Pair::Got got =
        pair.take({std::byte{23}, std::byte{3}, std::byte{3}, static_cast<std::byte>(size >> 8U),
                   static_cast<std::byte>(size & 255U)});
    EXPECT_EQ(got.status, TlsStatus::failed) << size;
    EXPECT_EQ(pair.forger.alert_from(pair.client), alert_record_overflow) << size;
  }
}

struct Refused {
  const char* name;
  int alert;
  Wire (*forge)(RecordSealer& records);
};
void PrintTo(const Refused& refused, std::ostream* to) { *to << refused.name; }

Wire bare(uint8_t type, const Wire& content) {
  return joined({{static_cast<std::byte>(type), std::byte{3}, std::byte{3}, std::byte{0},
                  static_cast<std::byte>(content.size())},
                 content});
}

class TlsRecordsRefused : public TlsRecords, public testing::WithParamInterface<Refused> {};
INSTANTIATE_TEST_SUITE_P(
    Reasons, TlsRecordsRefused,
    testing::Values(
        Refused{"BareAlert", alert_unexpected_message,
                [](RecordSealer&) {
                  return bare(alert, {std::byte{1}, std::byte{0}});
                }},
        Refused{"BareHandshake", alert_unexpected_message,
                [](RecordSealer&) { return bare(handshake, key_update(false)); }},
        Refused{"ChangeCipherSpec", alert_unexpected_message,
                [](RecordSealer&) { return bare(change_cipher_spec, {std::byte{1}}); }},
        Refused{"UnknownType", alert_unexpected_message,
                [](RecordSealer&) { return bare(99, {std::byte{1}}); }},
        Refused{"EmptyBare", alert_unexpected_message,
                [](RecordSealer&) { return bare(handshake, {}); }},
        Refused{"Empty", alert_bad_record_mac,
                [](RecordSealer&) { return bare(application_data, {}); }},
        Refused{"NoLongerThanATag", alert_bad_record_mac,
                [](RecordSealer& records) { return records.seal_inner({}); }},
        Refused{"Skipped", alert_bad_record_mac,
                [](RecordSealer& records) {
                  records.skip_numbers(1);
                  return records.text("later");
                }},
        Refused{"UnderTheNextKey", alert_bad_record_mac,
                [](RecordSealer& records) {
                  records.update_secret();
                  return records.text("too early");
                }},
        Refused{"UnderTheOldKey", alert_bad_record_mac,
                [](RecordSealer& records) {
                  return joined({records.seal(key_update(false), handshake), records.text("old")});
                }},
        Refused{"BehindAKeyUpdate", alert_unexpected_message,
                [](RecordSealer& records) {
                  return records.seal(joined({key_update(false), key_update(false)}), handshake);
                }}),
    [](const auto& refused) { return refused.param.name; });

TEST_P(TlsRecordsRefused, WithTheAlertOfTheRfcAndNoText) {
  Pair pair;
  EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
  EXPECT_EQ(pair.take(pair.records().text("before")).text, "before");
  const Wire forged = GetParam().forge(pair.records());
  const Pair::Got got = pair.take(joined({forged, pair.records().text("behind")}));
  EXPECT_EQ(got.status, TlsStatus::failed);
  EXPECT_EQ(got.text, "");
  EXPECT_EQ(pair.client.reason(), Reason::tls_failed);
  EXPECT_FALSE(pair.client.error_text().empty());
  EXPECT_EQ(pair.forger.alert_from(pair.client), GetParam().alert);
  // And it stays so.
  EXPECT_EQ(pair.take(pair.records().text("after")).status, TlsStatus::failed);
}

// What wolfSSL makes of these is its own; here only that it is asked, and that it refuses.
class TlsRecordsLeft : public TlsRecords, public testing::WithParamInterface<Refused> {};
INSTANTIATE_TEST_SUITE_P(
    ToTheLibrary, TlsRecordsLeft,
    testing::Values(
        Refused{"NothingButZeros", -1,
                [](RecordSealer& records) { return records.seal_inner(Wire(40)); }},
        Refused{
            "SealedChangeCipherSpec", -1,
            [](RecordSealer& records) { return records.seal({std::byte{1}}, change_cipher_spec); }},
        Refused{"UnknownInnerType", -1,
                [](RecordSealer& records) { return records.seal(wire_of("?"), 99); }},
        Refused{"EmptyHandshake", -1,
                [](RecordSealer& records) { return records.seal({}, handshake); }},
        Refused{"EmptyAlert", -1, [](RecordSealer& records) { return records.seal({}, alert); }},
        Refused{"FatalAlert", -1,
                [](RecordSealer& records) {
                  return records.seal({std::byte{2}, std::byte{80}}, alert);
                }},
        Refused{"ServerHello", -1,
                [](RecordSealer& records) {
                  return records.seal({std::byte{2}, {}, {}, std::byte{1}, {}}, handshake);
                }},
        Refused{"TextWithinAMessage", -1,
                [](RecordSealer& records) {
                  return joined(
                      {records.seal({std::byte{24}, {}}, handshake), records.text("between")});
                }},
        Refused{
            "KeyUpdateWithAStrangeValue", -1,
            [](RecordSealer& records) {
              return records.seal({std::byte{24}, {}, {}, std::byte{1}, std::byte{7}}, handshake);
            }}),
    [](const auto& refused) { return refused.param.name; });

TEST_P(TlsRecordsLeft, EndTheStreamOnBothPaths) {
  for (const bool opens_records : {true, false}) {
    Pair pair("TLS13-AES128-GCM-SHA256", opens_records);
    EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
    const Wire forged = GetParam().forge(pair.records());
    const Pair::Got got = pair.take(joined({forged, pair.records().text("behind")}));
    EXPECT_EQ(got.status, TlsStatus::failed) << opens_records;
    EXPECT_EQ(got.text, "") << opens_records;
    EXPECT_EQ(pair.client.reason(), Reason::tls_failed);
  }
}

// wolfSSL still waits for a number that we have long passed: a record of that number must not be
// taken again, by either.
TEST_F(TlsRecords, AreNotTakenTwice) {
  for (size_t replayed = 0; replayed < 6; ++replayed) {
    Pair pair;
    EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
    std::vector<Wire> sent;
    for (size_t i = 0; i < 6; ++i) {
      sent.push_back(pair.records().text("order " + std::to_string(i)));
      EXPECT_EQ(pair.take(sent.back()).text, "order " + std::to_string(i));
    }
    const Pair::Got got = pair.take(sent[replayed]);
    EXPECT_EQ(got.status, TlsStatus::failed) << replayed;
    EXPECT_EQ(got.text, "") << replayed;
    EXPECT_EQ(pair.forger.alert_from(pair.client), alert_bad_record_mac);
  }
}

TEST_F(TlsRecords, ARefusedBitAnywhere) {
  Pair whole;
  const size_t record_bytes = whole.records().text("a message of the venue").size();
  for (size_t bit = 0; bit < 8 * record_bytes; ++bit) {
    Pair pair;
    EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
    Wire wire = pair.records().text("a message of the venue");
    wire[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    // Behind it enough for a length that is now greater; it is not to be read as a record.
    wire = joined({wire, Wire(70'000)});
    const Wire fed = wire;
    pair.client.feed(fed);
    Wire room(40'000);
    const TlsStream::Read read = pair.client.read(room);
    ASSERT_EQ(read.status, TlsStatus::failed) << bit;
    ASSERT_EQ(read.bytes, 0u) << bit;
    ASSERT_TRUE(std::ranges::all_of(room, [](std::byte one) { return one == std::byte{}; }))
        << "bit " << bit << " left text in the room";
    const int told = pair.forger.alert_from(pair.client);
    ASSERT_EQ(told, bit < 8                      ? alert_unexpected_message
                    : wire[3] >= std::byte{0x40} ? alert_record_overflow
                                                 : alert_bad_record_mac)
        << bit;
  }
}

TEST_F(TlsRecords, OfTicketsLeaveNothingInTheRoom) {
  Pair pair;
  ASSERT_FALSE(pair.tickets.empty());
  pair.client.feed(pair.tickets);
  Wire room(2'000, std::byte{0xa5});
  const TlsStream::Read read = pair.client.read(room);
  EXPECT_EQ(read.status, TlsStatus::want_more);
  EXPECT_EQ(read.bytes, 0u);
  EXPECT_TRUE(std::ranges::all_of(
      room, [](std::byte one) { return one == std::byte{} || one == std::byte{0xa5}; }));
  EXPECT_FALSE(pair.client.take_session().empty());
}

TEST_F(TlsRecords, BehindAGoodbyeAreNotRead) {
  Pair pair;
  EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
  RecordSealer& records = pair.records();
  const Pair::Got got = pair.take(
      joined({records.text("last words"), records.seal({std::byte{1}, std::byte{0}}, alert),
              records.text("too late")}));
  EXPECT_EQ(got.status, TlsStatus::closed);
  EXPECT_EQ(got.text, "last words");
  const Pair::Got later = pair.take(records.text("later still"));
  EXPECT_EQ(later.status, TlsStatus::closed);
  EXPECT_EQ(later.text, "");
  pair.client.send_close_notify();
  EXPECT_EQ(pair.forger.alert_from(pair.client), alert_close_notify);
}

// A peer must not bring the stream to more than it can hold, nor trip an assertion.
TEST_F(TlsRecords, ThatAskForAnswersNobodyTakesEndTheStream) {
  for (const bool opens_records : {true, false}) {
    Pair pair("TLS13-AES128-GCM-SHA256", opens_records);
    EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
    TlsStatus status = TlsStatus::want_more;
    size_t said = 0;
    for (int i = 0; i < 60 && status == TlsStatus::want_more; ++i) {
      Wire wire;
      for (int j = 0; j < 1'000; ++j) {
        const Wire update = pair.records().seal(key_update(true), handshake);
        wire.insert(wire.end(), update.begin(), update.end());
        pair.records().update_secret();
      }
      status = pair.take(wire).status;
      EXPECT_GE(pair.client.output().size(), said);
      said = pair.client.output().size();
    }
    EXPECT_EQ(status, TlsStatus::failed) << opens_records;
    EXPECT_EQ(pair.client.reason(), Reason::tls_failed);
  }
}

// One seed, one script of records, cuts and rooms; both paths must tell the same story.
struct Story {
  std::string text;
  TlsStatus status = TlsStatus::want_more;
  Reason reason = Reason::none;
  bool has_ticket = false;
  bool operator==(const Story&) const = default;
};

Wire next_records(Random& random, RecordSealer& records) {
  const auto sizes = std::to_array<size_t>({0, 1, 15, 16, 17, 200, 1'000, 5'000, 16'384});
  const size_t size = random.below(4) == 0 ? sizes[random.below(sizes.size())] : random.below(400);
  switch (random.below(40)) {
    case 0:
    case 1: {
      const Wire update = records.seal(key_update(random.below(2) == 0), handshake);
      records.update_secret();
      return update;
    }
    case 2:
      return records.seal({std::byte{1}, std::byte{90}}, alert);  // user_canceled, a warning
    case 3:
      if (random.below(4) == 0) return records.seal({std::byte{1}, std::byte{0}}, alert);
      break;
    case 4: {
      if (random.below(4) != 0) break;
      Wire damaged = records.text(std::string(size, 'd'));
      damaged[5 + random.below(damaged.size() - 5)] ^= std::byte{0x10};
      return damaged;
    }
    default:
      break;
  }
  const size_t padding = random.below(3) == 0 ? random.below(16'385 - size) : 0;
  std::string text(size, ' ');
  for (char& one : text) one = static_cast<char>('a' + random.below(26));
  return records.text(text, padding);
}

Story story_of(uint64_t seed, bool opens_records) {
  Random random(seed);
  Pair pair(seed % 2 == 0 ? "TLS13-AES128-GCM-SHA256" : "TLS13-AES256-GCM-SHA384", opens_records);
  Wire wire = pair.tickets;
  for (size_t count = 1 + random.below(40); count > 0; --count) {
    const Wire more = next_records(random, pair.records());
    wire.insert(wire.end(), more.begin(), more.end());
  }
  Story story;
  for (size_t at = 0; at < wire.size() && story.status == TlsStatus::want_more;) {
    const size_t piece =
        std::min(wire.size() - at, 1 + random.below(random.below(2) == 0 ? 60 : 40'000));
    const Pair::Got got = pair.take(Wire(wire.begin() + static_cast<ptrdiff_t>(at),
                                         wire.begin() + static_cast<ptrdiff_t>(at + piece)),
                                    1U << 20U, 1 + random.below(20'000));
    at += piece;
    story.text += got.text;
    story.status = got.status;
  }
  story.reason = pair.client.reason();
  story.has_ticket = !pair.client.take_session().empty();
  EXPECT_EQ(pair.client.opens_records(), opens_records);
  return story;
}

TEST_F(TlsRecords, TellTheSameStoryAsWolfSslsOwnLayer) {
  int ended = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const Story ours = story_of(seed, true);
    EXPECT_EQ(ours, story_of(seed, false)) << "seed " << seed;
    if (ours.status != TlsStatus::want_more) ++ended;
  }
  EXPECT_GT(ended, 10);
  EXPECT_LT(ended, 140);
}

// Any bytes at all behind the handshake: an end with a reason, and never text.
TEST_F(TlsRecords, OfRubbishNeverYieldText) {
  Random random(0x7e57);
  for (int round = 0; round < 300; ++round) {
    Pair pair;
    EXPECT_EQ(pair.take(pair.tickets).status, TlsStatus::want_more);
    Wire wire(random.below(3'000));
    for (std::byte& one : wire) one = static_cast<std::byte>(random.below(256));
    if (wire.size() > 5 && random.below(3) != 0) {
      wire[0] = std::byte{23};
      wire[1] = wire[2] = std::byte{3};
      wire[3] = static_cast<std::byte>(random.below(3));
    }
    const Pair::Got got = pair.take(wire, 1 + random.below(700));
    EXPECT_EQ(got.text, "") << round;
    EXPECT_NE(got.status, TlsStatus::closed) << round;
  }
}

}  // namespace
}  // namespace havklo::io
