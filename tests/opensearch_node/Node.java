import java.nio.file.Path;
import org.codelibs.opensearch.runner.OpenSearchRunner;
import org.opensearch.http.HttpInfo;

/**
 * One real OpenSearch node on this machine's loopback, for the tests.
 *
 * <p>Its only argument is the folder for its data. It prints its URL in a line of its own once it answers, and ends when
 * its standard input does: so it never outlives the process that started it.
 */
public final class Node {
    public static void main(String[] arguments) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("discovery.type", "single-node");
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", "0");
            settings.put("transport.port", "0");
            settings.put("cluster.routing.allocation.disk.threshold_enabled", "false");
        });
        try {
            runner.build(OpenSearchRunner.newConfigs()
                    .basePath(Path.of(arguments[0]).toString())
                    .numOfNode(1)
                    .clusterName("posicional-tests")
                    .disableESLogger());
            runner.ensureYellow();
            System.out.println("URL http://" + runner.admin().cluster().prepareNodesInfo().addMetric("http").get()
                    .getNodes().get(0).getInfo(HttpInfo.class).address().publishAddress());
        } catch (Throwable error) {
            error.printStackTrace();
            System.exit(1);
        }
        while (System.in.read() >= 0) {
            // Nothing is said to it; only the end counts.
        }
        runner.close();
        System.exit(0);
    }
}
