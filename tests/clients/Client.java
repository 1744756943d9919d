// The generated Java client against a running server: Client HOST PORT.
//
// A quote, a settlement in both views, and a refusal with its machine reason and its Chinese text.

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.LocalizedMessage;
import com.google.type.Date;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import java.util.UUID;
import onestop.settlement.v1.Claim;
import onestop.settlement.v1.Item;
import onestop.settlement.v1.PayerShare;
import onestop.settlement.v1.QuoteRequest;
import onestop.settlement.v1.QuoteResponse;
import onestop.settlement.v1.SettleRequest;
import onestop.settlement.v1.SettleResponse;
import onestop.settlement.v1.Settlement;
import onestop.settlement.v1.SettlementServiceGrpc;
import onestop.settlement.v1.SettlementView;

public final class Client {
  private static Date day(int year, int month, int day) {
    return Date.newBuilder().setYear(year).setMonth(month).setDay(day).build();
  }

  private static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }

  public static void main(String[] arguments) throws Exception {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(arguments[0], Integer.parseInt(arguments[1])).usePlaintext().build();
    SettlementServiceGrpc.SettlementServiceBlockingStub client = SettlementServiceGrpc.newBlockingStub(channel);
    String name = "java-" + UUID.randomUUID();
    Item item = Item.newBuilder().setCode("310701001").setQuantityE4(5_000_000)
        .setUnitPriceMicroYuan(20_000_000).setAmountFen(1_000_000).build();
    Claim claim = Claim.newBuilder().setClaimId(name).setHospitalId("H3701001").setPersonId("DEMO-P-0004")
        .setVisit("inpatient").setAdmitted(day(2017, 6, 8)).setDischarged(day(2017, 6, 15)).addItems(item).build();
    QuoteResponse quote = client.quote(QuoteRequest.newBuilder().setClaim(claim).build());
    long paid = quote.getSplit().getPayersList().stream().mapToLong(PayerShare::getAmountFen).sum();
    check(paid + quote.getSplit().getPatientFen() == 1_000_000, "payers and patient add up");
    SettleRequest request = SettleRequest.newBuilder().setClaim(claim).setRequestId(name)
        .setQuoteDigest(quote.getQuoteDigest()).setView(SettlementView.SETTLEMENT_VIEW_SUMMARY).build();
    Settlement summary = client.settle(request).getSettlement();
    check(summary.getSplit().equals(quote.getSplit()) && !summary.hasDerivation(), "a summary");
    SettleResponse whole = client.settle(request.toBuilder().setView(SettlementView.SETTLEMENT_VIEW_FULL).build());
    check(whole.getReplay() && whole.getSettlement().getDerivation().getLayersCount() > 0, "the whole");
    Item unknown = item.toBuilder().setCode("NO-SUCH-CODE").build();
    Claim faulty = claim.toBuilder().setClaimId(name + "-faulty").setItems(0, unknown).build();
    try {
      client.quote(QuoteRequest.newBuilder().setClaim(faulty).build());
      throw new AssertionError("a code that is in no catalogue was not refused");
    } catch (StatusRuntimeException refusal) {
      String chinese = "";
      for (Any detail : StatusProto.fromThrowable(refusal).getDetailsList()) {
        if (detail.is(BadRequest.class)) {
          BadRequest.FieldViolation fault = detail.unpack(BadRequest.class).getFieldViolations(0);
          check(fault.getField().equals("claim.items[0].code"), fault.getField());
          check(fault.getReason().equals("NOT_IN_CATALOGUE"), fault.getReason());
        }
        if (detail.is(LocalizedMessage.class)) chinese = detail.unpack(LocalizedMessage.class).getMessage();
      }
      check(chinese.contains("目录"), chinese);
      System.out.println("java: settled " + summary.getSettlementId() + "; " + chinese);
    }
    channel.shutdownNow();
  }
}
