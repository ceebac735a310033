import { type KafkaOptions, TcpProxy, type TestKafka } from '@bpfleet/test-environment';
import { OneHost } from './one-host.js';

/** Everything that is said to and by the broker comes through the proxy, from agent and analytics alike. */
export class BehindProxy extends OneHost {
  proxy!: TcpProxy;

  protected override get brokers(): readonly string[] {
    return [this.#address];
  }

  get #address(): string {
    return `${this.hosts.rootAddress}:${this.proxy.port}`;
  }

  protected override async startKafka(options: KafkaOptions = {}) {
    this.proxy = await TcpProxy.start(this.hosts.rootAddress);
    const settings = { ...options.settings, 'advertised.listeners': `PLAINTEXT://${this.#address}` };
    const kafka = await super.startKafka({ ...options, settings });
    this.proxy.forwardTo(portOf(kafka));
    return kafka;
  }

  /** Agent and analytics are refused, until `reachBroker`. */
  loseBroker(): void {
    this.proxy.forwardTo(undefined);
    this.proxy.reset();
  }

  reachBroker(): void {
    this.proxy.forwardTo(portOf(this.kafka));
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.proxy?.stop();
  }
}

const portOf = ({ brokers }: TestKafka): number => Number(brokers[0]!.split(':')[1]);
