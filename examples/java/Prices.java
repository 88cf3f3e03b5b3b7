// A biz for ArkletBase.java. Its jar:
//
//   javac -d classes Prices.java
//   jar --create --file prices-1.0.0.jar --manifest prices.mf -C classes .
package shop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;

public final class Prices implements HttpHandler {
  @Override
  public void handle(HttpExchange exchange) throws IOException {
    var text = "prices " + getClass().getPackage().getImplementationVersion();
    var bytes = text.getBytes("UTF-8");
    exchange.sendResponseHeaders(200, bytes.length);
    exchange.getResponseBody().write(bytes);
  }
}
