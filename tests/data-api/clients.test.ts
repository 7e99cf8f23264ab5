/** The public client `mongodb-data-api`, as it comes from npm, with nothing but another address. */
import { createMongoDBDataAPI } from "mongodb-data-api";
import { describe, expect, inject, test } from "vitest";
import { unique } from "../support/client.ts";

interface Person {
  _id: string | number;
  name: string;
  age?: number;
}

describe.for(["", "/app/data-abcde/endpoint/data/v1"])("mongodb-data-api at {base}%s", (path) => {
  const people = (apiKey = inject("stack").dataApi.key) => {
    const { url, database } = inject("stack").dataApi;
    return createMongoDBDataAPI({ apiKey, urlEndpoint: url + path })
      .$cluster("any")
      .$database(database)
      .$collection<Person>(`client_${unique()}`);
  };
  const filled = async () => {
    const at = people();
    const documents = [
      { _id: 1, name: "Asha", age: 30 },
      { _id: 2, name: "Bela", age: 20 },
      { _id: 3, name: "Chand", age: 40 },
    ];
    expect(await at.insertMany({ documents })).toEqual({ insertedIds: [1, 2, 3] });
    return at;
  };

  test("insertOne and findOne", async () => {
    const at = people();
    const { insertedId } = await at.insertOne({ document: { name: "Asha" } });
    expect(insertedId).toMatch(/^[0-9a-f]{24}$/);
    expect(await at.findOne({ filter: { name: "Asha" } })).toEqual({
      document: { _id: insertedId, name: "Asha" },
    });
    expect(await at.findOne({ filter: { name: "Bela" } })).toEqual({ document: null });
    expect(await at.findOne()).toEqual({ document: { _id: insertedId, name: "Asha" } });
  });

  test("insertMany and find", async () => {
    const at = await filled();
    const query = {
      filter: { age: { $gte: 20 } },
      sort: { age: -1 },
      projection: { _id: 0, name: 1 },
    } as const;
    expect(await at.find({ ...query, skip: 1, limit: 1 })).toEqual({ documents: [{ name: "Asha" }] });
    expect((await at.find()).documents).toHaveLength(3);
  });

  test("updateOne and updateMany", async () => {
    const at = await filled();
    expect(await at.updateOne({ filter: { _id: 1 }, update: { $set: { age: 31 } } })).toEqual({
      matchedCount: 1,
      modifiedCount: 1,
    });
    expect(await at.updateMany({ filter: {}, update: { $max: { age: 31 } } })).toEqual({
      matchedCount: 3,
      modifiedCount: 1,
    });
    const upsert = { filter: { _id: "new" }, update: { $set: { name: "Dev" } }, upsert: true };
    expect(await at.updateOne(upsert)).toEqual({ matchedCount: 0, modifiedCount: 0, upsertedId: "new" });
    expect((await at.find({ sort: { age: 1 } })).documents).toEqual([
      { _id: "new", name: "Dev" },
      { _id: 1, name: "Asha", age: 31 },
      { _id: 2, name: "Bela", age: 31 },
      { _id: 3, name: "Chand", age: 40 },
    ]);
  });

  test("replaceOne", async () => {
    const at = await filled();
    expect(await at.replaceOne({ filter: { _id: 2 }, replacement: { name: "Bina" } })).toEqual({
      matchedCount: 1,
      modifiedCount: 1,
    });
    expect(await at.findOne({ filter: { _id: 2 } })).toEqual({ document: { _id: 2, name: "Bina" } });
  });

  test("deleteOne and deleteMany", async () => {
    const at = await filled();
    expect(await at.deleteOne({ filter: { age: { $gt: 0 } } })).toEqual({ deletedCount: 1 });
    expect(await at.deleteMany({ filter: { age: { $gt: 0 } } })).toEqual({ deletedCount: 2 });
    expect(await at.find({})).toEqual({ documents: [] });
  });

  test("aggregate", async () => {
    const at = await filled();
    const pipeline = [{ $match: { age: { $gt: 20 } } }, { $group: { _id: null, all: { $sum: "$age" } } }];
    expect(await at.aggregate({ pipeline })).toEqual({ documents: [{ _id: null, all: 70 }] });
  });

  test("$$action reaches an action by its name", async () => {
    const at = await filled();
    expect(await at.$$action("findOne", { filter: { _id: 3 } })).toEqual({
      document: { _id: 3, name: "Chand", age: 40 },
    });
  });

  test("errors are rejections with the status", async () => {
    const at = await filled();
    await expect(at.insertOne({ document: { _id: 1 } })).rejects.toMatchObject({ status: 400 });
    await expect(people("0123456789abcdef").findOne()).rejects.toMatchObject({ status: 401 });
    await expect(at.$$action("drop")).rejects.toMatchObject({ status: 404 });
  });
});
