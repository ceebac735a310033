import type { ControlDatabase } from '../postgres/control-database.js';
import { SigningKeyStore } from './signing-key-store.js';

export class PostgresSigningKeyStore extends SigningKeyStore {
  constructor(private readonly database: ControlDatabase) {
    super();
  }

  override find(): Promise<string | undefined> {
    return this.database.read(async (client) => {
      const { rows } = await client.query<{ private_key: string }>('SELECT private_key FROM control.signing_key');
      return rows[0]?.private_key;
    });
  }

  override async keep(pem: string): Promise<string> {
    // Of several replicas that start together one is first; the others take its key.
    await this.database.read((client) =>
      client.query('INSERT INTO control.signing_key (private_key) VALUES ($1) ON CONFLICT DO NOTHING', [pem]),
    );
    return (await this.find())!;
  }
}
